# frozen_string_literal: true

require "tasker_core/task_handler/base"

module OrderFulfillment
  # The task's own handler: submits orders.
  #
  #   OrderFulfillment::OrderHandler.new.submit("order_id" => "A-1001", …)
  class OrderHandler < TaskerCore::TaskHandler::Base
    # @param order [Hash] the task's context
    # @return [TaskerCore::TaskHandle] the same one when an order is submitted again
    def submit(order)
      handle({ namespace: "order_fulfillment", name: "business_workflow", context: order,
               initiator: "checkout", idempotency_key: order.fetch("order_id") })
    end
  end
end
