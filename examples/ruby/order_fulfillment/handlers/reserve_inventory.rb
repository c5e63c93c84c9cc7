# frozen_string_literal: true

module OrderFulfillment
  # Sets the goods of an order aside. The reservation carries the step's UUID, which is the same in
  # every attempt: a warehouse that knows it answers with the reservation it has.
  class ReserveInventory < TaskerCore::StepHandler::Base
    def call(context)
      simulation = Simulation.new(context.context)
      simulation.pace(context.step_name)
      lines = context.get_dependency_field("validate_order", "lines")
      missing = lines.select { |line| short?(line, simulation) }.map { |line| line["sku"] }
      return out_of_stock(missing) if missing.any?

      success(result: { reservation_id: "R-#{context.step_uuid}",
                        reserved: lines.map { |line| line.slice("sku", "quantity") },
                        hold_minutes: context.get_config("hold_minutes") },
              metadata: { operation: "reserve_inventory", input_refs: ["validate_order.lines"] })
    end

    private

    def short?(line, simulation)
      simulation.out_of_stock.include?(line["sku"]) ||
        line["quantity"] > Catalogue.find(line["sku"]).stock
    end

    def out_of_stock(skus)
      failure(message: "not in stock: #{skus.join(", ")}", error_type: "PermanentError",
              error_code: "out_of_stock", metadata: { context: { skus: skus } })
    end
  end
end
