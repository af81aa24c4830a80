"""A registry of schemas with faults: registry.py ANSWERS DIR

ANSWERS is a file of JSON: {PATH: [[STATUS, BODY, SECONDS], ..]}; a path's answers come one after the other, each SECONDS
late, and the last one again and again; what is not there is a 40403. BODY is JSON, or a text that is sent as it is.
The file is read again whenever it changes. DIR/port gets the port, DIR/asked a line a request: PATH AUTHORIZATION BODY.
"""

import base64
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

answers_file, folder = sys.argv[1:]
lock = threading.Lock()
state = {"read": None, "answers": {}, "given": {}}


def next_answer(path):
    with lock:
        stamp = os.stat(answers_file).st_mtime_ns
        if stamp != state["read"]:
            with open(answers_file, encoding="utf-8") as f:
                state.update(read=stamp, answers=json.load(f), given={})
        answers = state["answers"].get(path)
        if not answers:
            return 404, {"error_code": 40403, "message": "Schema not found"}, 0
        n = state["given"].get(path, 0)
        state["given"][path] = n + 1
        answer = answers[min(n, len(answers) - 1)]
        return answer[0], answer[1], answer[2] if len(answer) > 2 else 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        login = self.headers.get("Authorization", "-")
        if login.startswith("Basic "):
            login = base64.b64decode(login[6:]).decode()
        with lock, open(folder + "/asked", "a", encoding="utf-8") as f:
            f.write(f"{self.path} {login} {body}\n")
        status, said, late = next_answer(self.path)
        time.sleep(late)
        text = (said if isinstance(said, str) else json.dumps(said)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(folder + "/port.new", "w", encoding="utf-8") as f:
    f.write(str(server.server_port))
os.rename(folder + "/port.new", folder + "/port")
server.serve_forever()
