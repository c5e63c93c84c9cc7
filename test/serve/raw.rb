# frozen_string_literal: true

require "socket"

# Requests as no library would send them.
class Raw
  def initialize(url)
    uri = URI(url)
    @host = uri.host.delete("[]")
    @port = uri.port
  end

  # With a small buffer the kernel reads little that nobody asks for.
  def open(receive_bytes: nil)
    return TCPSocket.new(@host, @port) if receive_bytes.nil?

    socket = Socket.new(:INET, :STREAM)
    socket.setsockopt(:SOCKET, :RCVBUF, receive_bytes)
    socket.connect(Addrinfo.tcp(@host, @port))
    socket
  end

  # Sends bytes and reads until the other side closes; "" when it closes without a word.
  def ask(bytes, seconds: 10)
    socket = open
    begin
      socket.write(bytes)
      socket.flush
    rescue Errno::EPIPE, Errno::ECONNRESET
      nil # answered before all was sent
    end
    read(socket, seconds)
  ensure
    socket&.close
  end

  def read(socket, seconds)
    text = +""
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    loop do
      left = deadline - Process.clock_gettime(Process::CLOCK_MONOTONIC)
      unless left.positive? && socket.wait_readable(left)
        raise Failed,
              "no end within #{seconds} s: #{text[0,
                                                  300]}"
      end

      text << socket.readpartial(65_536)
    end
  rescue EOFError, Errno::ECONNRESET
    text
  end

  # "GET /path" with headers and an end.
  def get(path, headers = {}, method: "GET", body: nil, **more)
    lines = { "Host" => "127.0.0.1", "Connection" => "close" }.merge(headers, more).compact
    lines["Content-Length"] ||= body.bytesize.to_s if body
    ask("#{method} #{path} HTTP/1.1\r\n#{lines.map do |name, value|
      "#{name}: #{value}\r\n"
    end.join}\r\n#{body}")
  end

  def status(text) = text[%r{\AHTTP/1\.[01] (\d+)}, 1].to_i

  def code(text) = text[/"code":"(\w+)"/, 1]
end
