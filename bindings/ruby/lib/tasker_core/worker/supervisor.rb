# frozen_string_literal: true

require "io/wait"

module TaskerCore
  module Worker
    # Keeps worker processes alive: `tasker-worker --processes N`.
    #
    #   application is loaded ──► run ─┬─► child 1 ─► nil: goes on as a worker
    #                                 ├─► child 2 …
    #                                 └─► supervisor: starts again who died ─► exit code
    #
    # The supervisor opens no store and runs no handler. What happens comes as bytes in one pipe:
    # signals, and the number of a child that has started. A child holds the end of a second pipe
    # that nobody writes to: when it closes, the supervisor is dead, and the child drains.
    #
    # A process manager may send its signal to all processes at once: a child drains however many
    # INT and TERM come, and gives back only when the supervisor tells it (USR2).
    class Supervisor
      PROCESSES_MAX = 64
      START_TRIES_MAX = 8 # of one child, before the supervisor gives up
      SOON_SECONDS = 5    # a child that ends before that ended at once
      PAUSE_SECONDS = 0.25 # before it is started again, then twice as long each time
      PAUSE_SECONDS_MAX = 5
      HOPELESS = [2].freeze # exit codes that another try cannot change: settings
      BYTES_MAX = 256 # read from the pipe at once
      KILL_AFTER_SECONDS = Bootstrap::DRAIN_SECONDS + 10
      SIGNALS = { "INT" => "!", "TERM" => "!", "USR1" => "?", "CHLD" => "." }.freeze
      # What each signal means to a child (see Bootstrap::SIGNALS).
      CHILD_SIGNALS = { "INT" => "-", "TERM" => "-", "USR1" => "?", "USR2" => "!" }.freeze

      ONE_ON_SQLITE = "--processes: a SQLite file has one worker process; use --threads, or a " \
                      "postgres:// store"
      STARTED_BEFORE = "the application has started a worker: with --processes the supervisor " \
                       "does, after the fork"
      private_constant :ONE_ON_SQLITE, :STARTED_BEFORE

      # A place for a child.
      Place = Struct.new(:number, :pid, :ready, :started_at, :start_at, :tries, :quick) do
        def alive? = !pid.nil?
      end

      # @return [Integer, nil] in a child its number, from 1
      attr_reader :number

      # @param count [Integer] processes
      # @param store [String] the store's URL
      # @raise [Errors::ConfigurationError] that many are not possible, or not on this store
      def initialize(count, store)
        possible = (1..PROCESSES_MAX).cover?(count)
        refuse("--processes: 1 to #{PROCESSES_MAX} are possible") unless possible
        refuse(ONE_ON_SQLITE) if count > 1 && store.start_with?("sqlite:")

        @owner = Process.pid
        @places = Array.new(count) { |i| Place.new(i + 1, nil, false, 0, 0, 0, 0) }
        @signals = 0 # to end
      end

      # Starts the children, and comes back in each of them with nil.
      #
      # @return [Integer, nil] an exit code, once all have ended
      # @raise [Errors::ConfigurationError] the application runs a worker already
      def run
        refuse(STARTED_BEFORE) if FFI.running?

        Client.reset!
        open_pipes
        return become_worker if supervise == :child

        @code
      ensure
        @previous&.each { |name, handler| Signal.trap(name, handler || "DEFAULT") }
      end

      # To be called in a child, once its worker runs.
      def started
        Thread.new do # until the supervisor is gone
          @lifeline.read
          Logger.instance.warn("the supervisor is gone: ends")
          Process.kill(:TERM, Process.pid)
        end
        @writer.putc(@number + FIRST_NUMBER)
      rescue Errno::EPIPE # it is gone already
        nil
      end

      private

      FIRST_NUMBER = 127 # the byte that stands for child 1 is one above
      private_constant :FIRST_NUMBER

      def refuse(message) = raise(Errors::ConfigurationError, message)

      def open_pipes
        @reader, @writer = IO.pipe
        @lifeline, @held = IO.pipe
        # A child that has not set up its own yet has these: it has claimed nothing, and ends.
        @previous = SIGNALS.to_h do |name, byte|
          [name, Signal.trap(name) do
            Process.pid == @owner ? @writer.write_nonblock(byte, exception: false) : exit!(0)
          end]
        end
      end

      # @return [Symbol, nil] :child in a child
      def supervise
        Process.setproctitle("tasker-worker: supervisor of #{@places.size}")
        log(:info, "starts #{@places.size} #{@places.one? ? "process" : "processes"}")
        loop do
          return :child if start_due == :child
          return if @places.none?(&:alive?) && ending?

          kill_overdue
          take(@reader.readpartial(BYTES_MAX)) if @reader.wait_readable(pause)
        end
      end

      # Who has started is noted before it is looked who has ended.
      def take(bytes)
        numbers, signals = bytes.bytes.partition { |byte| byte > FIRST_NUMBER }
        numbers.each { |byte| ready(@places[byte - FIRST_NUMBER - 1]) }
        reap if signals.include?(".".ord)
        tell if signals.include?("?".ord)
        signals.count("!".ord).times { finish }
      end

      # --- starting ---

      def start_due
        return if ending?

        @places.each do |place|
          next if place.alive? || place.start_at > clock

          return :child if start(place) == :child
        end
      end

      def start(place)
        place.tries += 1
        place.ready = false
        place.started_at = clock
        place.pid = fork
        return unless place.pid.nil?

        @number = place.number
        :child
      end

      # Runs in the child.
      def become_worker
        [@reader, @held].each(&:close)
        Process.setproctitle("tasker-worker: process #{@number} of #{@places.size}")
        Process.setpgid(0, 0) # a terminal's INT is the supervisor's to pass on
        nil
      end

      def ready(place)
        return unless place&.alive?

        place.ready = true
        place.tries = 0
      end

      # --- ending ---

      def reap
        @places.select(&:alive?).each do |place|
          _, status = Process.wait2(place.pid, Process::WNOHANG)
          ended(place, status) if status
        rescue Errno::ECHILD
          ended(place, nil)
        end
      end

      def ended(place, status)
        pid = place.pid
        place.pid = nil
        return note(place, status) if ending?

        log(:warn, "process #{place.number} (pid #{pid}) ended: #{word(status)}")
        given_up?(place, status) ? give_up(place, status) : again_later(place)
      end

      def given_up?(place, status)
        !place.ready && (place.tries >= START_TRIES_MAX || HOPELESS.include?(status&.exitstatus))
      end

      def give_up(place, status)
        @gave_up = true
        @code = status&.exitstatus || 4
        tries = "try #{place.tries} of #{START_TRIES_MAX}"
        log(:error, "process #{place.number} could not start (#{word(status)}, #{tries}): ends; " \
                    "its own message is above")
        finish
      end

      # At once, unless it ended at once.
      def again_later(place)
        place.quick = clock - place.started_at < SOON_SECONDS ? place.quick + 1 : 0
        pause = place.quick.zero? ? 0 : PAUSE_SECONDS * (2**[place.quick - 1, 10].min)
        place.start_at = clock + [pause, PAUSE_SECONDS_MAX].min
      end

      # The worst code of all; who was told before it had started has done nothing wrong.
      def note(place, status)
        code = status&.exitstatus || (place.ready ? 4 : 0)
        @code = [@code, code].max unless @gave_up
      end

      def ending? = @signals.positive?

      def finish
        @signals += 1
        @code ||= 0
        @kill_at ||= clock + KILL_AFTER_SECONDS
        log(:info, @signals == 1 ? "ends: lets handlers finish" : "gives running steps back")
        signal(@signals == 1 ? :TERM : :USR2)
      end

      # A child that does not end although its deadline is over.
      def kill_overdue
        return if @kill_at.nil? || clock < @kill_at

        @kill_at = clock + 1
        signal(:KILL)
      end

      # --- small things ---

      # Prints who is alive; every child prints its status.
      def tell
        alive = @places.select(&:alive?)
        $stdout.puts(JSON.generate(supervisor: @owner, processes: alive.map do |place|
          { number: place.number, pid: place.pid, ready: place.ready }
        end))
        $stdout.flush
        signal(:USR1, alive.select(&:ready))
      end

      def signal(name, places = @places)
        places.select(&:alive?).each do |place|
          Process.kill(name, place.pid)
        rescue Errno::ESRCH
          next
        end
      end

      # Seconds until something has to be done; nil: until something happens.
      def pause
        times = ending? ? [@kill_at] : @places.reject(&:alive?).map(&:start_at)
        times.min&.then { |at| [at - clock, 0].max }
      end

      def word(status)
        return "gone" if status.nil?

        status.signaled? ? "signal #{Signal.signame(status.termsig)}" : "code #{status.exitstatus}"
      end

      def log(level, message) = Logger.instance.public_send(level, "supervisor: #{message}")

      def clock = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    end
  end
end
