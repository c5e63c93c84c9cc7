# frozen_string_literal: true

require "spec_helper"
require "delegate"
require "timeout"

begin
  require "pg"
rescue LoadError
  nil # the examples say so
end

# Tasks within a transaction of the application's.
RSpec.describe TaskerCore::ConnectionSubmission, :postgres do
  template = <<~YAML
    name: order
    namespace_name: SPACE
    version: 1.0.0
    steps:
      - name: take
        handler: { callable: OrderTaker }
      - name: send
        depends_on: [take]
        handler: { callable: OrderTaker }
  YAML
  url = ENV.fetch("TASKER_TEST_POSTGRES", "postgres://nobody@/none")
  space = "shop#{Random.rand(1 << 40)}"

  define_method(:connect) { |database = url| PG.connect(database) }

  before do
    skip "no gem pg: gem install pg" unless defined?(PG::Connection)
    stub_const("OrderTaker", Class.new(TaskerCore::StepHandler::Base) do
      def call(task, _sequence, _step) = success(result: task.context.to_h)
    end)
    @client = TaskerCore.connect(url)
    register(template.sub("SPACE", space))
    @connection = connect
    @connection.exec("SET client_min_messages = error; CREATE SCHEMA IF NOT EXISTS app;" \
                     "SET search_path = app; CREATE TABLE IF NOT EXISTS app.task (note text)")
  end

  after do
    @connection&.close
    @client&.close
  end

  def register(yaml) = native.put_template(yaml, "order.yaml")

  def native = @client.send(:native)

  define_method(:request) do |context = {}, **more|
    { name: "order", namespace: space, context: context, **more }
  end

  def submit(*context, on: @connection, **more)
    @client.submit(request(*context, **more), connection: on)
  end

  def exists?(task)
    task.state && true
  rescue TaskerCore::Errors::FFIError
    false
  end

  define_method(:with_handlers) do |&block|
    TaskerCore::Worker::Bootstrap.start!(store: url, callables: ["OrderTaker"], threads: 2,
                                         namespaces: [space])
    block.call
  ensure
    TaskerCore::Worker::Bootstrap.instance.shutdown!(timeout: 5)
  end

  it "makes the task when the transaction commits, and a sleeping worker is told" do
    with_handlers do
      sleep 0.5 # it is asleep
      task = @connection.transaction do
        @connection.exec("INSERT INTO app.task VALUES ('order 1')")
        submit({ order: 1 }).tap { |made| expect(exists?(made)).to be(false) }
      end

      expect(task.wait(timeout: 10).result("send")).to eq("order" => 1)
    end
  end

  it "makes no task when the transaction is rolled back" do
    task = nil
    @connection.transaction do
      task = submit
      raise PG::RollbackTransaction if defined?(PG::RollbackTransaction)

      @connection.exec("ROLLBACK; BEGIN")
    end

    expect(exists?(task)).to be(false)
  end

  it "keeps what is submitted exactly" do
    context = { "a" => (2**70), "b" => 0.1, "c" => %q({"q'\\x},NULL), "d" => "žluťoučký 🐎",
                "e" => "line\nfeed\ttab", "f" => nil, "g" => [{}, []] }
    task = @connection.transaction do
      submit(context, tags: ["NULL", 'x"y', "a,b", "{}", "back\\slash"], priority: -7,
                      reason: "it's", correlation_id: "0192f0c1-7000-7000-8000-0000000000aa")
    end
    stored = task.to_h

    expect(stored["context"]).to eq(context)
    expect(stored["tags"]).to eq(["NULL", 'x"y', "a,b", "{}", "back\\slash"])
    expect(stored).to include("priority" => -7, "reason" => "it's",
                              "correlation_id" => "0192f0c1-7000-7000-8000-0000000000aa")
  end

  it "answers and stores what a submission of its own does" do
    own = @client.submit_request(request({ x: 1 }, bypass_steps: ["take"], delay: 3600))
    inside = @connection.transaction do
      @client.submit_request(request({ x: 1 }, bypass_steps: ["take"], delay: 3600),
                             connection: @connection)
    end
    rows = [own, inside].map do |answer|
      %w[task task_state ready later attempt].map do |table|
        key = table == "task" ? "id" : "task_id"
        columns = @connection.exec("SELECT * FROM tasker.#{table} WHERE #{key} = " \
                                   "'#{answer["task_uuid"]}'").to_a
        columns.map do |row|
          row.reject { |name, _| name.end_with?("_at") || %w[id task_id xid n seq].include?(name) }
        end
      end
    end

    expect(inside.keys).to eq(own.keys)
    expect(rows[1]).to eq(rows[0])
    expect(rows[0].map(&:size)).to eq([1, 1, 0, 1, 1])
  end

  it "plans templates of more steps than a page has" do
    steps = Array.new(300) { |i| "  - { name: s#{i}, handler: { callable: OrderTaker } }" }
    register("name: wide\nnamespace_name: #{space}\nversion: 1.0.0\nsteps:\n#{steps.join("\n")}\n")
    task = @connection.transaction { submit(name: "wide") }

    expect(task.steps.size).to eq(300)
  end

  it "submits many, all or none" do
    tasks = @connection.transaction do
      @client.submit_many(Array.new(20) { |i| request({ i: i }) }, connection: @connection)
    end

    expect(tasks.map { |task| task.to_h["context"]["i"] }).to eq([*0..19])
    expect(@connection.transaction { @client.submit_many([], connection: @connection) }).to eq([])
  end

  describe "with an idempotency key" do
    before { @key = "key-#{Random.rand(1 << 40)}" }

    def answer(on: @connection, context: { a: 1 })
      @client.submit_request(request(context, idempotency_key: @key), connection: on)
    end

    it "answers the task that was there, and compares contexts" do
      first = @connection.transaction { answer }
      again = @connection.transaction { answer }
      other = @connection.transaction { answer(context: { a: 2 }) }

      expect([first["known"], again["known"], other["known"]]).to eq([false, true, true])
      expect([again, other].map { |one| one["task_uuid"] }.uniq).to eq([first["task_uuid"]])
      expect([again, other].map { |one| one["context_differs"] }).to eq([false, true])
      expect(again["created_at"]).to eq(first["created_at"])
    end

    it "knows a task of the same transaction" do
      answers = @connection.transaction { [answer, answer(context: { a: 3 })] }

      expect(answers.map { |one| one["known"] }).to eq([false, true])
      expect(answers[1]["context_differs"]).to be(true)
      expect(answers.map { |one| one["task_uuid"] }.uniq.size).to eq(1)
    end

    it "waits for another transaction, and has its task when that commits" do
      expect(race(&:itself).map { |one| one["known"] }).to eq([false, true])
    end

    it "makes its own when that is rolled back" do
      answers = race { raise "no" }

      expect(answers.map { |one| one["known"] }).to eq([nil, false])
    end

    # Two transactions with one key; the block ends the first one.
    def race
      other = connect
      loser = nil
      first = begin
        @connection.transaction do
          made = answer
          loser = Thread.new { other.transaction { answer(on: other) } }
          sleep 0.2
          expect(loser).to be_alive
          yield made
        end
      rescue RuntimeError
        {}
      end
      [first, loser.value]
    ensure
      other&.close
    end
  end

  describe "what goes wrong" do
    def after_failure(error, message, &failing)
      @connection.transaction do
        @connection.exec("INSERT INTO app.task VALUES ('kept')")
        expect(&failing).to raise_error(error, message)
        expect(@connection.exec("SELECT count(*) FROM app.task").getvalue(0, 0).to_i).to be_positive
        expect(submit).to be_a(TaskerCore::TaskHandle)
      end
      expect(@connection.transaction_status).to eq(0)
    end

    it "says what is wrong with the request, and the transaction goes on" do
      after_failure(TaskerCore::Errors::FFIError, /no template/) { submit(name: "nothing") }
      after_failure(TaskerCore::Errors::FFIError, /tags/) { submit(tags: 7) }
    end

    it "lets an error of a statement through, and the transaction goes on" do
      role = "poor#{Random.rand(1 << 30)}"
      @connection.exec("CREATE ROLE #{role}")
      after_failure(PG::InsufficientPrivilege, /permission denied/) do
        @connection.exec("SAVEPOINT mine; SET LOCAL ROLE #{role}")
        submit
      ensure
        @connection.exec("ROLLBACK TO SAVEPOINT mine")
      end
    end

    it "takes back what was written before an error" do
      register(template_of_strict)
      before = nil
      @connection.transaction do
        strict = request({ a: 1 }, name: "strict")
        @client.submit_request(strict, connection: @connection)
        before = @connection.exec("SELECT count(*) FROM tasker.task").getvalue(0, 0)
        many = [request({ a: 2 }, name: "strict"), strict]
        expect { @client.submit_many(many, connection: @connection) }
          .to raise_error(TaskerCore::Errors::FFIError, /same context/)
        expect(@connection.exec("SELECT count(*) FROM tasker.task").getvalue(0, 0)).to eq(before)
        expect(@client.submit_many([many[0]], connection: @connection).size).to eq(1)
      end
    end

    it "takes back what was written before it was left by a throw, as old time-outs do" do
      count = ->(raw) { raw.exec("SELECT count(*) FROM tasker.task").getvalue(0, 0).to_i }
      @connection.transaction do |raw|
        before = count.call(raw)
        leaving = SimpleDelegator.new(raw)
        leaving.define_singleton_method(:exec_params) do |sql, *more, &block|
          super(sql, *more, &block).tap { throw :out if sql.include?("INTO tasker.task ") }
        end
        catch(:out) { submit(on: leaving) }
        expect(count.call(raw)).to eq(before)
      end
    end

    it "needs a transaction, and one that has not failed" do
      expect { submit }.to raise_error(TaskerCore::Errors::FFIError, /no transaction is open/)
      @connection.exec("BEGIN")
      expect { @connection.exec("SELECT 1 / 0") }.to raise_error(PG::DivisionByZero)
      expect { submit }.to raise_error(TaskerCore::Errors::FFIError, /has failed/)
      @connection.exec("ROLLBACK")
    end

    it "needs a connection of PostgreSQL" do
      [Object.new, "postgres://", 7].each do |other|
        expect { submit(on: other) }
          .to raise_error(TaskerCore::Errors::FFIError, /PG::Connection or ActiveRecord's/)
      end
    end

    it "says that the connection is to another database" do
      name = "other#{Random.rand(1 << 30)}"
      @connection.exec("CREATE DATABASE #{name}")
      TaskerCore.connect(url.sub("/postgres?", "/#{name}?")).close
      elsewhere = connect(url.sub("/postgres?", "/#{name}?"))
      elsewhere.transaction do
        expect { submit(on: elsewhere) }
          .to raise_error(TaskerCore::Errors::FFIError, /another database/)
      end
    ensure
      elsewhere&.close
    end

    it "says that the transaction cannot go on when the connection is lost meanwhile" do
      planner = @client.send(:native)
      allow(planner).to receive(:submit).and_wrap_original do |original, *arguments|
        connect.exec("SELECT pg_terminate_backend(#{@connection.backend_pid})")
        original.call(*arguments)
      end

      @connection.exec("BEGIN")
      expect { submit }.to raise_error(TaskerCore::Errors::FFIError, /cannot go on/)
    end

    it "says that a SQLite store cannot do it" do
      Dir.mktmpdir do |folder|
        client = TaskerCore.connect("sqlite:#{folder}/x.db")
        client.send(:native).put_template(order_template, "order.yaml")
        @connection.transaction do
          expect { client.submit(request, connection: @connection) }
            .to raise_error(TaskerCore::Errors::FFIError, /needs a PostgreSQL store/)
        end
        client.close
      end
    end
  end

  define_method(:order_template) { template.sub("SPACE", space) }

  define_method(:template_of_strict) do
    template.sub("SPACE", space).sub("name: order", "name: strict\nidentity_strategy: strict")
  end

  # In a child: ActiveSupport changes classes that other examples look at.
  context "with ActiveRecord" do
    settings = { adapter: "postgresql", username: "tasker", database: "postgres",
                 host: url[/host=(.*)/, 1] }

    # @return [Array<String>] uuids: of what was committed, of what was rolled back
    define_method(:submit_both) do
      require "active_record"
      base = ActiveRecord::Base
      base.establish_connection(settings)
      kept = base.transaction { submit({ a: 1 }, on: base.connection) }
      gone = nil
      base.transaction do
        gone = submit({ a: 2 }, on: base.connection)
        raise ActiveRecord::Rollback
      end
      [kept.uuid, gone.uuid]
    end

    it "submits within its transaction, which may be rolled back" do
      skip "no ActiveRecord: apt-get install ruby-activerecord" unless active_record?
      out = IO.popen("-") do |parent|
        next parent.read if parent

        $stderr.reopen(File::NULL)
        puts submit_both
        $stdout.flush
        exit!(0)
      end
      kept, gone = out.split.map { |uuid| @client.task(uuid) }

      expect([exists?(kept), exists?(gone)]).to eq([true, false])
    end

    def active_record? = Gem::Specification.find_all_by_name("activerecord").any?
  end
end
