# frozen_string_literal: true

module TaskerCore
  # Submits on a connection of the application's, within the transaction that is open there: the
  # task exists exactly if that transaction commits.
  #
  #   Order.transaction do
  #     order = Order.create!(…)
  #     TaskerCore.submit(name: "process_order", namespace: "shop", connection: Order.connection,
  #                       context: { order_id: order.id })
  #   end
  #
  # The engine plans the statements, the connection runs them: nothing is committed here. A
  # savepoint makes them one: when one fails, the transaction goes on as if there had been none.
  module ConnectionSubmission
    IN_TRANSACTION = 2 # PG::PQTRANS_INTRANS
    NEEDED = %i[exec exec_params transaction_status].freeze
    SAVEPOINT = "tasker_submission"

    class << self
      # @param connection [PG::Connection, #raw_connection] or an ActiveRecord connection
      # @yieldparam found [String] what the plan before found, JSON; empty at first
      # @yieldreturn [String] a plan, JSON
      # @return [Hash, Array<Hash>] the engine's answer
      # @raise [Errors::FFIError] as Client#submit; or the connection is none, has no transaction,
      #   or cannot go on
      # @raise [PG::Error] of a statement that failed; the transaction goes on
      def run(connection, &planning)
        raw = open_transaction(connection)
        raw.exec("SAVEPOINT #{SAVEPOINT}")
        kept = false
        follow(raw, &planning).tap { kept = raw.exec("RELEASE SAVEPOINT #{SAVEPOINT}") }
      ensure # however it was left, by a throw too: nothing stays
        undo(raw) if kept == false
      end

      private

      def open_transaction(connection)
        connection = connection.raw_connection if connection.respond_to?(:raw_connection)
        able = NEEDED.all? { |name| connection.respond_to?(name) }
        refuse("a PG::Connection or ActiveRecord's of PostgreSQL is expected") unless able
        ready = connection.transaction_status == IN_TRANSACTION
        refuse("no transaction is open on it, or it has failed: begin one") unless ready
        connection
      end

      def follow(raw)
        found = ""
        loop do
          plan = JSON.parse(yield(found))
          rows = plan["statements"].map do |one|
            raw.exec_params(one["sql"], one["params"], &:values)
          end
          return plan["answer"] unless plan.key?("begun")

          found = JSON.generate(begun: plan["begun"], rows: rows)
        end
      end

      def undo(raw)
        raw.exec("ROLLBACK TO SAVEPOINT #{SAVEPOINT}")
      rescue StandardError => e
        refuse("its transaction cannot go on (#{e.message.lines.first&.chomp}): roll it back")
      end

      def refuse(what) = raise(Errors::FFIError.new("connection: #{what}", operation: "submit"))
    end
  end
end
