# frozen_string_literal: true

module TaskerCore
  module Worker
    # The HTTP server in a worker's process: what `tasker serve` answers, on the worker's own store.
    #
    #   Bootstrap ──► WebServer ──► Native::Server (threads of its own; none enters Ruby)
    #
    # What is not given here is taken as `tasker serve` does: from TASKER_LISTEN and its siblings,
    # and from the file that TASKER_CONFIG names.
    class WebServer
      include Logging

      STOP_MS = 5000

      # @return [String] where it answers
      attr_reader :url

      # @param config [Hash] enable_web_api, listen: one of them asks for a server
      # @param runtime [FFI::Runtime]
      # @return [WebServer, nil]
      def self.start(config, runtime)
        return unless config[:enable_web_api] || config[:listen]

        new(store: runtime.url, listen: config[:listen], environment: runtime.environment)
      end

      # @param store [String] its URL
      # @param listen [String, nil] address and port
      # @param environment [String, nil]
      # @raise [Errors::ConfigurationError] this build has no server
      # @raise [Errors::FFIError] it cannot start
      def initialize(store:, listen: nil, environment: nil)
        unless Native.const_defined?(:Server)
          raise Errors::ConfigurationError,
                "this build of tasker_core has no HTTP server: install libmicrohttpd's header " \
                "(Debian: libmicrohttpd-dev) and the gem again, or run `tasker serve`"
        end

        @native = Native::Server.open(["store", store, "listen", listen, "environment",
                                       environment])
        @url = @native.url
        logger.info("serves #{@url}")
      end

      # Lets requests under way finish.
      #
      # @return [Boolean] were all done?
      def stop = @native.stop(STOP_MS)
    end
  end
end
