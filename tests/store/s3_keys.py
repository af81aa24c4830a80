"""Who gives keys to machines and containers: s3_keys.py FOLDER [STATUS [N]] serves the files of the folder, and tokens; with STATUS it
answers all but tokens by that, or with N all behind the first N requests. Prints its port."""
import http.server
import itertools
import os
import sys

NAMES = "/latest/meta-data/iam/security-credentials/"
STATUS, FIRST = (int(a) for a in (sys.argv[2:] + ["0", "0"])[:2])
count = itertools.count()


class Keys(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_PUT(self):
        if FIRST and next(count) >= FIRST:
            self.send_error(STATUS)
        elif self.path == "/latest/api/token" and self.headers["X-aws-ec2-metadata-token-ttl-seconds"]:
            self.answer(b"token")
        else:
            self.send_error(400)

    def do_GET(self):
        if STATUS and next(count) >= FIRST:
            self.send_error(STATUS)
        elif self.path.startswith("/latest") and self.headers["X-aws-ec2-metadata-token"] != "token":
            self.send_error(401)
        elif self.path == NAMES:
            self.answer(b"role\n")
        else:
            super().do_GET()


os.chdir(sys.argv[1])
server = http.server.HTTPServer(("127.0.0.1", 0), Keys)
print(server.server_address[1], flush=True)
server.serve_forever()
