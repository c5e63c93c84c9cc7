# frozen_string_literal: true

module OrderFulfillment
  # Hands the parcel to the carrier. It runs after the payment, and reads what all the steps before
  # it found.
  class ShipOrder < TaskerCore::StepHandler::Base
    BUSINESS_DAYS = { "standard" => 5, "express" => 2, "overnight" => 1 }.freeze

    def call(context)
      Simulation.new(context.context).pace(context.step_name)
      shipping = context.get_input("shipping")
      lines = context.get_dependency_field("validate_order", "lines")

      success(result: { tracking_number: "T-#{context.step_uuid}",
                        carrier: context.get_config("carriers").fetch(shipping["method"]),
                        weight_grams: lines.sum { |line| line["weight_grams"] },
                        business_days: BUSINESS_DAYS.fetch(shipping["method"]),
                        ship_to: shipping["address"], **references(context) },
              metadata: { operation: "ship_order",
                          input_refs: %w[validate_order reserve_inventory process_payment] })
    end

    private

    def references(context)
      { order_id: context.get_dependency_field("validate_order", "order_id"),
        reservation_id: context.get_dependency_field("reserve_inventory", "reservation_id"),
        payment_id: context.get_dependency_field("process_payment", "payment_id") }
    end
  end
end
