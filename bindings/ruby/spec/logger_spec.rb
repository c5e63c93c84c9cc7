# frozen_string_literal: true

require "logger"
require "open3"
require "stringio"
require "tasker_core/logger"

RSpec.describe TaskerCore::Logger do
  let(:lines) { StringIO.new }
  let(:logger) do
    described_class.send(:new).tap do |made|
      made.logger = Logger.new(lines, formatter: ->(level, _, _, text) { "#{level} #{text}\n" })
    end
  end

  it "is one object, also under its older name" do
    expect(described_class.instance).to equal(described_class.instance)
    expect(TaskerCore::Logging::Logger.instance).to equal(described_class.instance)
    expect { described_class.new }.to raise_error(NoMethodError)
  end

  it "is one object for threads that ask at the same time" do
    code = "require 'tasker_core/logger'; " \
           "p 20.times.map { Thread.new { TaskerCore::Logger.instance } }.map(&:value).uniq.size"
    out, = Open3.capture2(RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), "-e", code)

    expect(out).to eq("1\n")
  end

  %i[debug info warn error fatal].each do |level|
    it "writes #{level} lines, from a text or a block" do
      logger.public_send(level, "text")
      logger.public_send(level) { "block" }

      expect(lines.string).to eq("#{level.upcase} text\n#{level.upcase} block\n")
    end
  end

  { log_task: "TASK_OPERATION", log_step: "STEP_OPERATION", log_queue_worker: "QUEUE_WORKER",
    log_orchestrator: "ORCHESTRATOR", log_database: "DATABASE", log_ffi: "FFI",
    log_config: "CONFIG", log_registry: "REGISTRY" }.each do |method, label|
    it "writes #{label} with #{method}" do
      logger.public_send(method, :warn, "done", id: 7, none: nil)

      expect(lines.string).to match(/\AWARN \S+ #{label}: done \| \{"id":7\}\n\z/)
    end

    it "needs no fields in #{method}" do
      logger.public_send(method, :info, "done")

      expect(lines.string).to match(/\AINFO \S+ #{label}: done\n\z/)
    end
  end

  it "takes the keywords of the original" do
    logger.log_queue_worker(:info, "a", namespace: "n")
    logger.log_ffi(:info, "b", component: "c")
    logger.log_registry(:info, "d", namespace: "n", name: "x")

    expect(lines.string).to include('{"namespace":"n"}', '{"component":"c"}',
                                    '{"namespace":"n","name":"x"}')
  end

  it "writes nothing below its level, and does not make the text" do
    logger.logger.level = Logger::ERROR
    logger.log_step(:info, "done", id: Object.new.tap { |o| def o.to_json(*) = raise("made") })

    expect(lines.string).to be_empty
  end

  it "never fails for a word or a value" do
    logger.log_step(:loud, "done", text: "\xFF".b, number: Float::NAN)

    expect(lines.string).to match(/\AINFO .*done \|/)
  end

  [[nil, 1], ["debug", 0], ["WARN", 2], ["error", 3], ["odd", 1],
   ["trace", 0]].each do |word, level|
    it "has level #{level} for LOG_LEVEL #{word.inspect}, and writes to standard output" do
      code = "require 'tasker_core/logger'; l = TaskerCore::Logger.instance; l.fatal('x'); " \
             "p l.logger.level"
      out, = Open3.capture2({ "LOG_LEVEL" => word }, RbConfig.ruby, "-I",
                            File.expand_path("../lib", __dir__), "-e", code)

      expect(out).to match(/\A\[\d{4}-\d\d-\d\dT[\d:.]+Z\] FATAL x\n#{level}\n\z/)
    end
  end
end
