# frozen_string_literal: true

require "open3"
require "tasker_core/errors"

RSpec.describe TaskerCore::Errors do
  parents = {
    Error: StandardError, ConfigurationError: described_class::Error,
    ProceduralError: described_class::Error, OrchestrationError: described_class::Error,
    DatabaseError: described_class::Error, FFIError: described_class::Error,
    ServerError: described_class::Error, RetryableError: described_class::ProceduralError,
    PermanentError: described_class::ProceduralError,
    TimeoutError: described_class::ProceduralError, NetworkError: described_class::ProceduralError,
    ValidationError: described_class::PermanentError,
    NotFoundError: described_class::PermanentError
  }

  parents.each do |name, parent|
    it "has #{name} below #{parent.name}" do
      error_class = described_class.const_get(name)

      expect(error_class.superclass).to eq(parent)
      expect(error_class.new("why").message).to eq("why")
      expect(error_class.new("why").error_class).to eq(name.to_s)
    end
  end

  it "is also TaskerCore::Error" do
    expect(TaskerCore::Error).to equal(described_class::Error)
  end

  describe "what an error carries" do
    carried = {
      RetryableError: { retry_after: 30 }, PermanentError: { error_code: "E1" },
      TimeoutError: { timeout_duration: 5 }, NetworkError: { status_code: 503 },
      ValidationError: { field: "email", error_code: "E2" },
      NotFoundError: { resource_type: "order", error_code: "E3" },
      FFIError: { operation: "submit" }, ServerError: { operation: "GET /" }
    }

    carried.each do |name, members|
      it "keeps #{members.keys.join(", ")} and context in #{name}" do
        error = described_class.const_get(name).new("why", **members, context: { id: 7 })

        members.each { |member, value| expect(error.public_send(member)).to eq(value) }
        expect(error.context).to eq(id: 7)
      end

      it "needs none of them in #{name}" do
        error = described_class.const_get(name).new("why")

        members.each_key { |member| expect(error.public_send(member)).to be_nil }
        expect(error.context).to eq({})
      end
    end
  end

  it "refuses a member that its class does not carry" do
    expect { described_class::RetryableError.new("why", field: 1) }
      .to raise_error(ArgumentError, "unknown keyword: field")
  end

  it "carries in a class of one's own what its parent does" do
    own = Class.new(described_class::ValidationError) do
      def initialize(field) = super("#{field} is wrong", field: field, error_code: "E")
    end

    expect([own.new("a").message, own.new("a").field, own.new("a").error_code])
      .to eq(["a is wrong", "a", "E"])
  end

  describe "ErrorClassifier.retryable?" do
    permanent = %i[ConfigurationError PermanentError ValidationError NotFoundError DatabaseError
                   FFIError].map { |name| described_class.const_get(name) }
    retryable = [described_class::RetryableError, described_class::NetworkError,
                 described_class::TimeoutError, described_class::Error, RuntimeError,
                 NoMethodError, ArgumentError, NotImplementedError, SystemExit, NoMemoryError]

    permanent.each do |error_class|
      it "gives up on #{error_class}" do
        expect(described_class::ErrorClassifier.retryable?(error_class.new("why"))).to be(false)
      end
    end

    retryable.each do |error_class|
      it "tries #{error_class} again" do
        expect(described_class::ErrorClassifier.retryable?(error_class.new)).to be(true)
      end
    end

    it "gives up on what inherits from a permanent error" do
      error = Class.new(described_class::ValidationError).new("why")

      expect(described_class::ErrorClassifier.retryable?(error)).to be(false)
    end
  end

  %w[errors step_handler/base step_handler/api task_handler/base models indifferent logger
     types/step_handler_call_result template_discovery test_environment
     registry/handler_registry].each do |file|
    it "loads #{file} alone, by its path" do
      path = File.expand_path("../lib/tasker_core/#{file}.rb", __dir__)
      _out, err, status = Open3.capture3(RbConfig.ruby, "-W", "-e", "require #{path.dump}")

      expect(status).to be_success, err
      expect(err.lines.grep(/tasker_core/)).to be_empty
    end
  end
end
