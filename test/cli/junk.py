"""A server that answers every request with one document, given as a file: what no server should say.

    junk.py FILE [CONTENT-TYPE]        prints its port
"""

import http.server
import sys

with open(sys.argv[1], "rb") as file:
    document = file.read()
content_type = sys.argv[2] if len(sys.argv) > 2 else "application/json"


class Junk(http.server.BaseHTTPRequestHandler):
    """Answers all methods alike."""

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        self.wfile.write(document)

    do_GET = do_POST = do_PUT = do_PATCH = answer

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Junk)
print(server.server_address[1], flush=True)
server.serve_forever()
