# frozen_string_literal: true

require "json"
require "socket"

# A reader of /v1/events, as a browser would be: it keeps the last id and can go on behind it.
class Stream
  attr_reader :events, :last_id, :comments, :head

  def initialize(url, query = "", last_id: nil)
    uri = URI(url)
    @socket = TCPSocket.new(uri.host, uri.port)
    @socket.write("GET /v1/events#{query} HTTP/1.1\r\nHost: localhost\r\n" \
                  "#{"Last-Event-ID: #{last_id}\r\n" if last_id}\r\n")
    @events = []
    @comments = 0
    @text = +""
    @raw = +""
    @last_id = last_id
    read_head
  end

  # Reads until the block is content with the events so far.
  def until(seconds = 10)
    deadline = now + seconds
    until yield(@events)
      if now > deadline
        raise Failed,
              "#{@events.size} events after #{seconds} s: #{@events.last(3)}"
      end

      take(0.2)
    end
    @events
  end

  # Events of one kind.
  def of(kind) = @events.select { |event| event[:kind] == kind }

  def ended?
    take(5)
    @ended
  end

  def close = @socket.close

  private

  def now = Process.clock_gettime(Process::CLOCK_MONOTONIC)

  def read_head
    take_raw(5) until @raw.include?("\r\n\r\n") || @ended
    @head, @raw = @raw.split("\r\n\r\n", 2)
    @raw ||= +""
    unchunk
  end

  def take(seconds)
    take_raw(seconds)
    unchunk
  end

  def take_raw(seconds)
    return unless @socket.wait_readable(seconds)

    @raw << @socket.readpartial(1 << 16)
  rescue EOFError, Errno::ECONNRESET
    @ended = true
  end

  def unchunk
    while (size = @raw[/\A(\h+)\r\n/, 1])
      length = size.to_i(16)
      from = size.bytesize + 2
      break if @raw.bytesize < from + length + 2

      @ended = true if length.zero?
      @text << @raw.byteslice(from, length)
      @raw = @raw.byteslice((from + length + 2)..)
    end
    while (message = @text.slice!(/\A.*?\n\n/m))
      keep(message)
    end
  end

  def keep(message)
    fields = message.lines(chomp: true).reject(&:empty?).to_h { |line| line.split(": ", 2) }
    @comments += 1 if fields.key?("")
    @last_id = fields["id"] if fields["id"]
    return unless fields["data"]

    @events << { id: fields["id"], kind: fields["event"], data: JSON.parse(fields["data"]) }
  end
end
