# frozen_string_literal: true

require "uri"
require_relative "base"

module TaskerCore
  module StepHandler
    # The parent of handlers that call an HTTP API. The application's Faraday is used when it has
    # one, else Net::HTTP.
    #
    #   class FetchRates < TaskerCore::StepHandler::Api
    #     def initialize = super(config: { url: 'https://rates.example', timeout: 5 })
    #     def call(context) = JSON.parse(get('/today', params: { base: 'EUR' }).body)
    #   end
    #
    # An answer that is no success is raised as an error of {TaskerCore::Errors}: what trying again
    # can mend as RetryableError, with the server's Retry-After, the rest as PermanentError.
    class Api < Base
      PERMANENT_STATUSES = [400, 401, 403, 404, 422].freeze
      PAGES_MAX = 1000
      TIMEOUT_S = 30

      # An answer when Net::HTTP is used; `headers` have lower-case names.
      Response = Struct.new(:status, :headers, :body)

      # @param path [String] below the configuration's `url`, or a URL
      # @param params [Hash] the query
      # @return [Response, Faraday::Response]
      # @raise [Errors::RetryableError, Errors::PermanentError, Errors::NetworkError]
      def get(path, params: {}, headers: {}) = request(:get, path, params: params, headers: headers)

      # @param data [Hash, String, nil] a Hash is sent as JSON
      # @return (see #get)
      def post(path, data: {}, headers: {}) = request(:post, path, data: data, headers: headers)
      # @return (see #get)
      def put(path, data: {}, headers: {}) = request(:put, path, data: data, headers: headers)

      # @param options [Hash] params:, headers:
      # @return (see #get)
      def delete(path, **options) = request(:delete, path, **options)

      # @return [Faraday::Connection, nil] nil when the application has no Faraday
      def connection
        @connection ||= defined?(::Faraday) && ::Faraday.new(url: setting(:url)) do |faraday|
          faraday.options.timeout = timeout
          @configure&.call(faraday)
        end
      end

      # @yieldparam faraday [Faraday::Connection] to be set up before its first use
      def configure_connection(&block)
        @configure = block
        @connection = nil
      end

      # @param response [#status, #headers] of any origin
      # @return [Object] the same, when it is a success
      # @raise (see #get)
      def process_response(response)
        status = response.status
        return response if (200..299).cover?(status)

        context = { status: status, body: response.body.to_s[0, 1000] }
        message = "the API answered #{status}"
        if PERMANENT_STATUSES.include?(status)
          raise Errors::PermanentError.new(message, error_code: "HTTP_#{status}", context: context)
        end

        after = retry_after(response.headers) if [429, 503].include?(status)
        raise Errors::RetryableError.new(message, retry_after: after, context: context)
      end

      # @param file [String] a path
      # @return (see #get)
      def api_upload_file(path, file, field: "file", headers: {})
        boundary = "tasker-#{object_id}-#{Process.clock_gettime(Process::CLOCK_REALTIME)}"
        name = File.basename(file).gsub(/["\r\n]/, "_")
        body = "--#{boundary}\r\nContent-Disposition: form-data; name=\"#{field}\"; " \
               "filename=\"#{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n".b <<
               File.binread(file) << "\r\n--#{boundary}--\r\n"
        type = { "Content-Type" => "multipart/form-data; boundary=#{boundary}" }
        post(path, data: body, headers: headers.merge(type))
      end

      # Reads page after page until one is empty.
      #
      # @return [Array] the items of all pages
      # @yieldparam answer [Object] a page's JSON; the block answers its items
      def api_paginated_request(path, params: {}, page: "page", pages_max: PAGES_MAX)
        (1..pages_max).each_with_object([]) do |number, all|
          answer = JSON.parse(get(path, params: params.merge(page => number)).body)
          items = block_given? ? yield(answer) : answer
          return all if items.nil? || items.empty?

          all.concat(items)
        end
      end

      private

      def request(verb, path, params: {}, data: nil, headers: {})
        headers = (setting(:headers) || {}).merge(headers).transform_keys(&:to_s)
        if data.is_a?(Hash) || data.is_a?(Array)
          data = JSON.generate(data)
          headers["Content-Type"] ||= "application/json"
        end
        way = connection ? :by_faraday : :by_net_http
        process_response(send(way, verb, path, params, data, headers))
      rescue *network_errors => e
        raise Errors::NetworkError.new("#{verb} #{path}: #{e.message}", context: { path: path })
      end

      def by_faraday(verb, path, params, data, headers)
        connection.run_request(verb, path, data, headers) { |one| one.params.update(params) }
      end

      def network_errors
        [SystemCallError, SocketError, IOError, ::Timeout::Error,
         *(::Faraday::Error if defined?(::Faraday))]
      end

      def by_net_http(verb, path, params, data, headers)
        require "net/http"
        uri = setting(:url) ? URI.join(setting(:url), path) : URI(path)
        uri.query = [uri.query, URI.encode_www_form(params)].compact.join("&") if params.any?
        message = Net::HTTP.const_get(verb.capitalize).new(uri, headers)
        message.body = data if data
        options = { use_ssl: uri.scheme == "https", open_timeout: timeout, read_timeout: timeout }
        answer = Net::HTTP.start(uri.host, uri.port, options) { |http| http.request(message) }
        Response.new(answer.code.to_i, answer.each_header.to_h, answer.body)
      end

      # @return [Numeric, nil] seconds, told as a number or as a date
      def retry_after(headers)
        value = headers["retry-after"] || headers["Retry-After"]
        return value.to_i if value&.match?(/\A\s*\d+\s*\z/)

        [(Time.httpdate(value.to_s) - Time.now).ceil, 0].max
      rescue ArgumentError
        nil
      end

      def timeout = setting(:timeout) || TIMEOUT_S
      def setting(name) = config[name] || config[name.name]
    end
  end

  Handlers::Steps::API = StepHandler::Api
end
