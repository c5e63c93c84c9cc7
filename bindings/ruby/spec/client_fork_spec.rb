# frozen_string_literal: true

require "spec_helper"

# A client that many threads and forked processes use, as in a cluster of web server processes.
RSpec.describe TaskerCore::Client, :postgres do
  template = <<~YAML
    name: order
    namespace_name: forked
    version: 1.0.0
    steps:
      - { name: take, handler: { callable: NobodyHere } }
  YAML

  before do
    @client = TaskerCore.connect(ENV.fetch("TASKER_TEST_POSTGRES"))
    native.put_template(template, "order.yaml")
  end

  after { @client.close }

  def native = @client.send(:native)

  def submit(number, **more)
    @client.submit(name: "order", namespace: "forked", context: { number: number }, **more)
  end

  # Runs the block in a forked child; answers what it returns.
  def forked
    out, writer = IO.pipe
    pid = fork do
      out.close
      writer.write(Marshal.dump(yield))
    rescue Exception => e # rubocop:disable Lint/RescueException -- the parent tells it
      writer.write(Marshal.dump("#{e.class}: #{e.message}"))
    ensure
      writer.close
      exit!(0)
    end
    writer.close
    -> { Marshal.load(out.read).tap { Process.wait(pid) } } # rubocop:disable Security/MarshalLoad
  end

  # Sockets that this process has open: those of its sessions, and what else there was before.
  def sockets
    Dir["/proc/self/fd/*"].count do |fd|
      File.readlink(fd).start_with?("socket:")
    rescue Errno::ENOENT
      false
    end
  end

  it "submits from many threads on one connection, each task once" do
    before = sockets
    tasks = Array.new(8) { |t| Thread.new { Array.new(25) { |i| submit((t * 25) + i) } } }
                 .flat_map(&:value)

    expect(tasks.map(&:uuid).uniq.size).to eq(200)
    expect(tasks.map { |task| task.to_h["context"]["number"] }).to eq([*0..199])
    expect(sockets).to eq(before)
  end

  it "connects again by itself in forked children, and the parent goes on" do
    children = Array.new(3) { |i| forked { Array.new(20) { |k| submit([i, k]).uuid } } }
    own = Array.new(20) { |k| submit([:parent, k]).uuid }
    all = own + children.flat_map(&:call)

    expect(all.grep(/\A\h{8}-/).uniq.size).to eq(80)
    expect(all.map { |uuid| @client.task(uuid).state }.uniq.size).to eq(1)
  end

  it "connects again in a child that is forked while threads submit" do
    stop = false
    threads = Array.new(3) { |t| Thread.new { submit(t) until stop } }
    children = Array.new(5) { forked { submit("child").state } }
    states = children.map(&:call)
    stop = true

    expect(states.uniq).to match([an_instance_of(String)])
    expect(states.first).not_to include("Error")
    expect(threads.map(&:value)).to all(be_nil)
  end

  it "leaves the parent's session to the parent" do
    submit(1)
    before = sockets
    counts = forked { [submit(2).uuid, GC.start, sockets] }.call

    expect(counts.last).to be <= before
    expect(submit(3).state).to be_a(String)
  end

  it "keeps the default client usable in children too" do
    TaskerCore.configuration.store = ENV.fetch("TASKER_TEST_POSTGRES")
    described_class.reset!
    mine = TaskerCore.submit(name: "order", namespace: "forked", context: {}).uuid
    theirs = forked { TaskerCore.submit(name: "order", namespace: "forked", context: {}).uuid }.call

    expect([theirs, theirs == mine]).to match([/\A[\h-]{36}\z/, false])
  ensure
    TaskerCore.configuration.store = nil
    described_class.reset!
  end

  it "reconnects after the server has ended its session" do
    submit(1)
    other = TaskerCore.connect(ENV.fetch("TASKER_TEST_POSTGRES"))
    skip "no gem pg: gem install pg" unless pg?
    PG.connect(ENV.fetch("TASKER_TEST_POSTGRES"))
      .exec("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity " \
            "WHERE pid <> pg_backend_pid() AND application_name = 'tasker'")

    expect([submit(2), other.counts]).to match([an_instance_of(TaskerCore::TaskHandle), be_a(Hash)])
  ensure
    other&.close
  end

  def pg?
    require "pg"
    true
  rescue LoadError
    false
  end
end
