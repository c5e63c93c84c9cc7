# frozen_string_literal: true

module OrderFulfillment
  # The services around the shop, as a request's `simulate` wants them.
  #
  #   "simulate": {
  #     "payment_failures": 1,              how often the payment gateway does not answer
  #     "declined": true,                   the customer's bank says no
  #     "out_of_stock": ["MUG-BLUE"],       what the warehouse does not have
  #     "pace_ms": 200                      how long each step takes at least,
  #     "pace_ms": {"ship_order": 5000}     or each of these
  #   }
  class Simulation
    PACE_MS_MAX = 60_000

    def initialize(context)
      settings = context["simulate"]
      @settings = settings.is_a?(Hash) ? settings : {}
    end

    # Takes as long as the request wants the step to take.
    def pace(step_name)
      pace_ms = @settings["pace_ms"]
      pace_ms = pace_ms[step_name] if pace_ms.is_a?(Hash)
      sleep(pace_ms.clamp(0, PACE_MS_MAX) / 1000.0) if pace_ms.is_a?(Numeric)
    end

    def declined? = @settings["declined"] == true
    def out_of_stock = Array(@settings["out_of_stock"])

    # @param attempts_before [Integer] how often the step was tried already
    def gateway_down?(attempts_before) = attempts_before < @settings["payment_failures"].to_i
  end
end
