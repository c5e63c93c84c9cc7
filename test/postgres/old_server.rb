# frozen_string_literal: true

# A server of an older version, as far as a client sees it: lets everybody in and says which it is.
#
#   ruby test/postgres/old_server.rb FOLDER VERSION ENCODING

require "socket"

folder, version, encoding = ARGV
listener = UNIXServer.new(File.join(folder, ".s.PGSQL.5432"))
message = ->(letter, body) { letter + [body.bytesize + 4].pack("N") + body }
setting = ->(name, value) { message.call("S", "#{name}\0#{value}\0") }
loop do
  client = listener.accept
  client.read(client.read(4).unpack1("N") - 4)
  client.write(message.call("R", [0].pack("N")) + setting.call("server_version", version) +
               setting.call("server_encoding", encoding) + message.call("K", [1, 1].pack("NN")) +
               message.call("Z", "I"))
  client.read # until it goes
  client.close
end
