"""A process that stands in for one of the deck's: answers 200 on a port, or 503, or falls over at once.

python standin.py PORT [STATUS]; STATUS 0 writes a line and exits with 7.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT = int(sys.argv[1])
STATUS = int(sys.argv[2]) if len(sys.argv) > 2 else 200


class Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(STATUS)
        self.end_headers()
        self.wfile.write(b"not ready: no feed" if STATUS != 200 else b"ok")


if STATUS == 0:
    print("cannot go on: no such feed", flush=True)
    sys.exit(7)
print(f"serving on {PORT}", flush=True)
HTTPServer(("127.0.0.1", PORT), Answer).serve_forever()
