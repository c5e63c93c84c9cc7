# frozen_string_literal: true

module OrderFulfillment
  # Charges the customer. The gateway is given the step's UUID, so that an attempt whose answer was
  # lost does not charge twice; when it does not answer, the engine tries again later.
  class ProcessPayment < TaskerCore::StepHandler::Base
    def call(task, sequence, step)
      simulation = Simulation.new(task.context)
      simulation.pace(step.name)
      order = sequence.get_results(:validate_order)
      check_gateway(simulation, step)

      success(result: { payment_id: "P-#{step.workflow_step_uuid}",
                        amount_cents: order[:total_cents], currency: step.inputs[:currency],
                        method: task.context[:payment][:method],
                        tried: step.attempts + 1 },
              metadata: { operation: "process_payment",
                          input_refs: ["validate_order.total_cents"] })
    end

    private

    def check_gateway(simulation, step)
      if simulation.gateway_down?(step.attempts)
        raise TaskerCore::Errors::RetryableError.new("the payment gateway does not answer",
                                                     context: { gateway: "simulated" })
      end
      return unless simulation.declined?

      raise TaskerCore::Errors::PermanentError.new("the payment was declined",
                                                   error_code: "payment_declined")
    end
  end
end
