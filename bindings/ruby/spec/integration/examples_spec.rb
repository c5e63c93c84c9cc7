# frozen_string_literal: true

require "json"
require "tmpdir"
require "tasker_core"

# The examples, run for real: a worker on a SQLite file, tasks submitted and waited for.
RSpec.describe "The examples", :integration do
  examples = File.expand_path("../../../../examples/ruby", __dir__)

  before(:all) do
    @environment = ENV.fetch("TASKER_ENV", nil)
    ENV["TASKER_ENV"] = "test"
    @folder = Dir.mktmpdir
    TaskerCore::Logger.instance.logger.level = Logger::FATAL
    require File.join(examples, "all")
    TaskerCore::Worker::Bootstrap.start!(store: "sqlite:#{@folder}/examples.db",
                                         templates: examples, threads: 4)
  end

  after(:all) do
    TaskerCore::Worker::Bootstrap.instance.shutdown!(timeout: 10)
    ENV["TASKER_ENV"] = @environment
    TaskerCore::Logger.instance.logger.level = Logger::INFO
    FileUtils.rm_rf(@folder)
  end

  def run(namespace, name, context, timeout: 10)
    task = TaskerCore.submit(namespace: namespace, name: name, context: context)
    task.wait(timeout: timeout)
  end

  def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  def step_of(task, name) = task.steps.find { |step| step["name"] == name }

  # namespace, template, last step, exponent
  workflows = [
    ["linear_workflow", "mathematical_sequence", "linear_step_4", 16],
    ["diamond_workflow", "parallel_computation", "diamond_end", 16],
    ["tree_workflow", "hierarchical_tree", "tree_final_convergence", 64],
    ["mixed_dag_workflow", "complex_dag", "dag_finalize", 64]
  ]

  workflows.each do |namespace, name, last, exponent|
    [2, 4, 6, 100].each do |number|
      it "#{name} of #{number} ends in #{number}^#{exponent}, exactly" do
        task = run(namespace, name, { even_number: number })

        expect([task.state, task.status]).to eq(%w[complete all_complete])
        expect(task.result(last)).to eq(number**exponent).and be_an(Integer)
        expect(task.steps.map { |step| step["current_state"] }).to all(eq("complete"))
        expect(task.steps.map { |step| step["attempts"] }).to all(eq(1))
      end
    end
  end

  it "diamond of 4 ends in 4294967296" do
    task = run("diamond_workflow", "parallel_computation", { even_number: 4 })

    expect(task.result("diamond_end")).to eq(4_294_967_296)
    expect(%w[diamond_start diamond_branch_b diamond_branch_c].map { |name| task.result(name) })
      .to eq([16, 256, 256])
  end

  it "tree of 2 ends in 18446744073709551616" do
    task = run("tree_workflow", "hierarchical_tree", { even_number: 2 })

    expect(task.result("tree_final_convergence")).to eq(18_446_744_073_709_551_616)
    expect(%w[d e f g].map { |leaf| task.result("tree_leaf_#{leaf}") }).to all(eq(256))
  end

  it "every step in between of the mixed DAG is exact" do
    task = run("mixed_dag_workflow", "complex_dag", { even_number: 6 })
    exponents = { "dag_init" => 2, "dag_process_left" => 4, "dag_process_right" => 4,
                  "dag_validate" => 16, "dag_transform" => 8, "dag_analyze" => 8,
                  "dag_finalize" => 64 }

    expect(exponents.to_h { |name, _| [name, task.result(name)] })
      .to eq(exponents.transform_values { |exponent| 6**exponent })
  end

  it "keeps every number exact when a hundred tasks run at once" do
    tasks = (1..25).flat_map do |i|
      workflows.map do |namespace, name, last, exponent|
        context = { even_number: 2 * i }
        [TaskerCore.submit(namespace: namespace, name: name, context: context), last,
         (2 * i)**exponent]
      end
    end

    results = tasks.map { |task, last, _| task.wait(timeout: 30).result(last) }
    expect(results).to eq(tasks.map(&:last))
  end

  it "refuses an odd number for good: the first step says so" do
    task = run("linear_workflow", "mathematical_sequence", { even_number: 3 })

    expect([task.state, task.status]).to eq(%w[blocked_by_failures blocked_by_failures])
    expect(step_of(task, "linear_step_1")).to include("current_state" => "error", "attempts" => 1)
    expect(step_of(task, "linear_step_2")).to include("current_state" => "pending")
  end

  [{}, { even_number: "four" }, { even_number: -2 }].each do |context|
    it "does not take #{context} for a sequence" do
      expect { run("linear_workflow", "mathematical_sequence", context) }
        .to raise_error(TaskerCore::Errors::FFIError, /even_number/)
    end
  end

  describe "order fulfilment" do
    let(:order) { JSON.parse(File.read(File.join(examples, "order_fulfillment/order.json"))) }

    def fulfil(order) = run("order_fulfillment", "business_workflow", order)

    it "brings an order from checkout to the parcel, over a gateway that fails once" do
      task = fulfil(order)
      totals = task.result("validate_order")
      payment = task.result("process_payment")
      parcel = task.result("ship_order")

      expect([task.state, task.status]).to eq(%w[complete all_complete])
      expect(totals.values_at("goods_cents", "shipping_cents", "tax_cents", "total_cents"))
        .to eq([4075, 990, 962, 6027])
      expect(payment.values_at("amount_cents", "currency", "tried")).to eq([6027, "EUR", 2])
      expect(step_of(task, "process_payment")["attempts"]).to eq(2)
      expect(parcel.values_at("order_id", "reservation_id", "payment_id", "weight_grams"))
        .to eq(["A-1001", task.result("reserve_inventory")["reservation_id"],
                payment["payment_id"], 620])
      expect(parcel["ship_to"]).to eq(order["shipping"]["address"])
    end

    it "shows the failed attempt in the history" do
      words = fulfil(order).history.map { |event| event["to"] }

      expect(words).to include("waiting_for_retry", "complete")
    end

    [
      ["a declined card", ->(o) { o["simulate"] = { "declined" => true } }, "process_payment"],
      ["an empty shelf", ->(o) { o["simulate"] = { "out_of_stock" => ["MUG-BLUE"] } },
       "reserve_inventory"],
      ["too many pieces", ->(o) { o["items"][0]["quantity"] = 41 }, "reserve_inventory"],
      ["an unknown article", ->(o) { o["items"] << { "sku" => "NOPE", "quantity" => 1 } },
       "validate_order"],
      ["no items", ->(o) { o["items"] = [] }, "validate_order"],
      ["a strange address", ->(o) { o["customer"]["email"] = "nobody" }, "validate_order"]
    ].each do |what, change, failed|
      it "stops at #{failed} for #{what}, at its first attempt" do
        change.call(order)
        task = fulfil(order)
        states = task.steps.to_h { |step| [step["name"], step["current_state"]] }

        expect(task.status).to eq("blocked_by_failures")
        expect(step_of(task, failed)).to include("current_state" => "error", "attempts" => 1)
        expect(states["ship_order"]).to eq("pending")
      end
    end

    it "gives up when the gateway stays down" do
      order["simulate"] = { "payment_failures" => 99 }
      task = fulfil(order)

      expect(task.status).to eq("blocked_by_failures")
      expect(step_of(task, "process_payment")).to include("current_state" => "error",
                                                          "attempts" => 4)
    end

    it "ships free of charge above 50.00, the slow way" do
      order["items"] = [{ "sku" => "POT-1L", "quantity" => 1 },
                        { "sku" => "TEA-100", "quantity" => 1 }]
      order["shipping"]["method"] = "standard"
      totals = fulfil(order).result("validate_order")

      expect(totals.values_at("goods_cents", "shipping_cents", "tax_cents", "total_cents"))
        .to eq([6190, 0, 1176, 7366])
    end

    it "takes as long as it is told to" do
      order["simulate"] = { "pace_ms" => { "ship_order" => 300 } }
      began = clock

      expect(fulfil(order).status).to eq("all_complete")
      expect(clock - began).to be_between(0.3, 5)
    end

    it "does not run an order twice" do
      order["order_id"] = "A-2002"
      tasks = Array.new(2) { OrderFulfillment::OrderHandler.new.submit(order) }

      expect(tasks.map(&:uuid).uniq.size).to eq(1)
      expect(tasks.first.wait(timeout: 10).status).to eq("all_complete")
    end

    [["no items at all", ->(o) { o.delete("items") }, /items/],
     ["a quantity of none", ->(o) { o["items"][0]["quantity"] = 0 }, /quantity/],
     ["payment in kind", ->(o) { o["payment"]["method"] = "goats" }, /method/]]
      .each do |what, change, message|
      it "is not submitted with #{what}" do
        change.call(order)

        expect { fulfil(order) }.to raise_error(TaskerCore::Errors::FFIError, message)
      end
    end
  end

  describe "error scenarios" do
    def timed(name, context = {})
      began = clock
      task = run("test_errors", name, context)
      [task, clock - began]
    end

    it "success_only is complete within 3 s" do
      task, seconds = timed("success_only")

      expect([task.state, task.result("success_step")]).to eq(["complete", { "message" => "done" }])
      expect(seconds).to be < 3
    end

    it "permanent_error_only is blocked within 2 s, after one attempt" do
      task, seconds = timed("permanent_error_only")

      expect([task.state, task.status]).to eq(%w[blocked_by_failures blocked_by_failures])
      expect(task.steps.map { |step| step.values_at("current_state", "attempts") })
        .to eq([["error", 1]])
      expect(seconds).to be < 2
    end

    # The backoff of 100 ms is spread over its upper half.
    it "retryable_error_only is blocked within 3 s, after two attempts and a pause" do
      task, seconds = timed("retryable_error_only")

      expect(task.status).to eq("blocked_by_failures")
      expect(task.steps.map { |step| step.values_at("current_state", "attempts") })
        .to eq([["error", 2]])
      expect(seconds).to be_between(0.05, 3)
    end

    it "retryable_error_only is complete when the second attempt works" do
      task, seconds = timed("retryable_error_only", { succeeds_at: 2 })

      expect(task.status).to eq("all_complete")
      expect(task.result("retryable_error_step")).to eq("attempt" => 2)
      expect(seconds).to be_between(0.05, 3)
    end

    it "error_testing is blocked, and the good step is done all the same" do
      task, seconds = timed("error_testing")
      ends = task.steps.map { |step| step.values_at("name", "current_state", "attempts") }

      expect(task.status).to eq("blocked_by_failures")
      expect(ends).to contain_exactly(["success_step", "complete", 1],
                                      ["permanent_error_step", "error", 1],
                                      ["retryable_error_step", "error", 2])
      expect(seconds).to be < 3
    end
  end
end
