# frozen_string_literal: true

require "tasker_core/types/step_handler_call_result"

RSpec.describe TaskerCore::Types::StepHandlerCallResult do
  let(:errors) { TaskerCore::Errors }

  describe ".success" do
    [{ total: 12 }, [1, 2], "text", 2**64, 1.5, true, nil].each do |value|
      it "takes #{value.inspect}" do
        result = described_class.success(result: value)

        expect(result).to be_a(described_class::Success).and be_success
        expect([result.success, result.result, result.data, result.metadata])
          .to eq([true, value, value, {}])
      end
    end

    it "keeps metadata, and takes nil for none" do
      expect(described_class.success(result: 1, metadata: { a: 1 }).metadata).to eq(a: 1)
      expect(described_class.success(result: 1, metadata: nil).metadata).to eq({})
    end

    it "takes data for result" do
      expect(described_class.success(data: { a: 1 }).result).to eq(a: 1)
    end

    it "needs a result" do
      expect { described_class.success(metadata: {}) }.to raise_error(ArgumentError, /:result/)
    end

    it "turns into a Hash" do
      expect(described_class.success(result: 1, metadata: { a: 2 }).to_h)
        .to eq(success: true, result: 1, metadata: { a: 2 })
    end

    it "cannot be changed" do
      expect { described_class.success(result: 1).result = 2 }.to raise_error(FrozenError)
    end

    it "refuses metadata that is no Hash" do
      require "dry-struct"
      expect { described_class.success(result: 1, metadata: "x") }
        .to raise_error(Dry::Struct::Error, /metadata is a Hash/)
    end
  end

  describe ".error" do
    described_class::ERROR_TYPES.each do |type|
      it "takes #{type}" do
        result = described_class.error(error_type: type, message: "why")

        expect(result).to be_a(described_class::Error)
        expect(result).not_to be_success
        expect([result.error_type, result.message, result.retryable, result.error_code])
          .to eq([type, "why", false, nil])
      end
    end

    ["", nil, "Nope", :PermanentError].each do |type|
      it "refuses #{type.inspect}" do
        require "dry-struct"
        expect { described_class.error(error_type: type, message: "why") }
          .to raise_error(Dry::Struct::Error, /error_type/)
      end
    end

    it "keeps everything it is told" do
      members = { error_type: "RetryableError", message: "busy", error_code: "E1",
                  retryable: true, metadata: { retry_after: 5 } }

      expect(described_class.error(**members).to_h).to eq(success: false, **members)
      expect(described_class.error(**members)).to be_retryable
    end
  end

  describe "the short forms" do
    it "has retryable_error" do
      result = described_class.retryable_error(message: "busy", details: { id: 1 })

      expect([result.error_type, result.retryable, result.metadata])
        .to eq(["RetryableError", true, { context: { id: 1 } }])
    end

    it "has permanent_error" do
      result = described_class.permanent_error(message: "no", details: {}, metadata: { a: 1 })

      expect([result.error_type, result.retryable, result.metadata])
        .to eq(["PermanentError", false, { a: 1 }])
    end

    it "keeps details beside metadata" do
      result = described_class.permanent_error(message: "no", details: { b: 2 }, metadata: { a: 1 })

      expect(result.metadata).to eq(context: { b: 2 }, a: 1)
    end
  end

  describe ".from_handler_output" do
    it "passes results through" do
      success = described_class.success(result: 1)
      error = described_class.error(error_type: "PermanentError", message: "no")

      expect(described_class.from_handler_output(success)).to equal(success)
      expect(described_class.from_handler_output(error)).to equal(error)
    end

    [
      [{ success: true, result: 1, metadata: { a: 1 } }, 1, { a: 1 }],
      [{ "success" => true, "result" => 1, "metadata" => { "a" => 1 } }, 1, { "a" => 1 }],
      [{ success: true, total: 5 }, { success: true, total: 5 }, {}],
      [{ success: true, result: 1, metadata: nil }, 1, {}],
      [{ total: 5 }, { total: 5 }, { wrapped: true, original_type: "Hash" }],
      [{}, {}, { wrapped: true, original_type: "Hash" }],
      [{ success: "yes" }, { success: "yes" }, { wrapped: true, original_type: "Hash" }],
      ["text", "text", { wrapped: true, original_type: "String" }],
      [nil, nil, { wrapped: true, original_type: "NilClass" }],
      [2**64, 2**64, { wrapped: true, original_type: "Integer" }],
      [[1], [1], { wrapped: true, original_type: "Array" }],
      [false, false, { wrapped: true, original_type: "FalseClass" }]
    ].each do |output, result, metadata|
      it "reads #{output.inspect} as a success" do
        read = described_class.from_handler_output(output)

        expect(read).to be_success
        expect([read.result, read.metadata]).to eq([result, metadata])
      end
    end

    [
      [{ success: false, error_type: "PermanentError", message: "no", error_code: "E" },
       ["PermanentError", "no", "E", false]],
      [{ "success" => false, "error_type" => "RetryableError", "message" => "busy" },
       ["RetryableError", "busy", nil, true]],
      [{ success: false, error_type: "RetryableError", message: "no", retryable: false },
       ["RetryableError", "no", nil, false]],
      [{ success: false, message: "no", retryable: true }, ["UnexpectedError", "no", nil, true]],
      [{ success: false, error: "why" }, ["UnexpectedError", "why", nil, false]],
      [{ success: false }, ["UnexpectedError", "Unknown error", nil, false]],
      [{ success: false, error_type: "Strange", message: "m" },
       ["UnexpectedError", "m", nil, false]]
    ].each do |output, members|
      it "reads #{output.inspect} as an error" do
        read = described_class.from_handler_output(output)

        expect(read).to be_a(described_class::Error)
        expect([read.error_type, read.message, read.error_code, read.retryable]).to eq(members)
      end
    end
  end

  describe ".from_exception" do
    def read(error) = described_class.from_exception(error)

    it "describes a permanent error" do
      result = read(errors::PermanentError.new("no", error_code: "E", context: { id: 1 }))

      expect([result.error_type, result.message, result.error_code, result.retryable])
        .to eq(["PermanentError", "no", "E", false])
      expect(result.metadata).to eq(context: { id: 1 })
    end

    it "describes a retryable error" do
      result = read(errors::RetryableError.new("busy", retry_after: 30, context: { id: 1 }))

      expect([result.error_type, result.error_code, result.retryable])
        .to eq(["RetryableError", nil, true])
      expect(result.metadata).to eq(retry_after: 30, context: { id: 1 })
    end

    it "describes a wrong input as such" do
      result = read(errors::ValidationError.new("no", field: "email", error_code: "E"))

      expect([result.error_type, result.error_code, result.retryable])
        .to eq(["ValidationError", "E", false])
      expect(result.metadata).to eq(field: "email", context: {})
    end

    it "describes anything else with its class and its trace" do
      raised = begin
        Integer("x")
      rescue ArgumentError => e
        e
      end
      result = read(raised)

      expect([result.error_type, result.retryable]).to eq(["UnexpectedError", true])
      expect(result.metadata[:exception_class]).to eq("ArgumentError")
      expect(result.metadata[:stack_trace].size)
        .to be_between(1, described_class::BACKTRACE_LINES_MAX)
    end

    [[TaskerCore::Errors::ConfigurationError, false],
     [TaskerCore::Errors::DatabaseError, false], [TaskerCore::Errors::NetworkError, true],
     [TaskerCore::Errors::TimeoutError, true], [NotImplementedError, true],
     [SystemStackError, true]].each do |error_class, retryable|
      it "says #{retryable} for another attempt after #{error_class}" do
        expect(read(error_class.new("x")).retryable).to be(retryable)
      end
    end

    it "takes exceptions that were never raised" do
      expect(read(RuntimeError.new).metadata[:stack_trace]).to eq([])
    end
  end
end
