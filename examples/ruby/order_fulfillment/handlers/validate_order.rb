# frozen_string_literal: true

require "bigdecimal"

module OrderFulfillment
  # Checks an order and adds it up. Money is counted in whole cents; the tax is rounded once, on the
  # sum, half a cent up.
  class ValidateOrder < TaskerCore::StepHandler::Base
    EMAIL = /\A[^@\s]+@[^@\s]+\z/
    SHIPPING_CENTS = { "standard" => 490, "express" => 990, "overnight" => 1990 }.freeze

    def call(task, _sequence, step)
      order = task.context
      Simulation.new(order).pace(step.name)
      refuse("customer.email", "is no e-mail address") unless EMAIL.match?(order[:customer][:email])
      refuse("items", "is empty") if order[:items].empty?

      lines = order[:items].each_with_index.map { |item, index| line(item, index) }
      success(result: { order_id: order[:order_id], customer_id: order[:customer][:id],
                        lines: lines, **totals(lines, order, step.inputs) },
              metadata: { operation: "validate_order", input_refs: %w[customer items] })
    end

    private

    def line(item, index)
      article = Catalogue.find(item[:sku])
      refuse("items[#{index}].sku", "#{item[:sku]} is not for sale") if article.nil?

      { sku: article.sku, name: article.name, quantity: item[:quantity],
        unit_price_cents: article.price_cents,
        line_cents: article.price_cents * item[:quantity],
        weight_grams: article.weight_grams * item[:quantity] }
    end

    def totals(lines, order, settings)
      goods = lines.sum { |line| line[:line_cents] }
      shipping = SHIPPING_CENTS.fetch(order[:shipping][:method])
      free = order[:shipping][:method] == "standard" && goods >= settings[:free_shipping_from_cents]
      shipping = 0 if free
      tax = ((goods + shipping) * BigDecimal(settings[:tax_percent]) / 100).round.to_i

      { goods_cents: goods, shipping_cents: shipping, tax_cents: tax,
        total_cents: goods + shipping + tax }
    end

    # Trying again would not make the order better.
    def refuse(field, why)
      raise TaskerCore::Errors::ValidationError.new("#{field} #{why}", field: field,
                                                                       error_code: "invalid_order")
    end
  end
end
