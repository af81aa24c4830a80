"""A proxy that spoils answers to inserts under a token: clickhouse_proxy.py PORT-FILE PORT-OF-CLICKHOUSE

In a random order that is always the same: the answer is lost; nothing is inserted, and the answer is 200 with an
exception; the request is broken off, and inserted a second later; all is well."""
import http.client, http.server, random, sys, threading

WAYS = ["lost", "lie", "late", "well", "well"]
upstream = int(sys.argv[2])
turns = random.Random(1)


def ask(path, body, fields):
    conn = http.client.HTTPConnection("127.0.0.1", upstream)
    conn.request("POST", path, body, fields)
    answer = conn.getresponse()
    said = answer.status, answer.getheaders(), answer.read()
    conn.close()
    return said


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, fields, body):
        self.send_response(status)
        for name, value in fields:
            if name.lower().startswith("x-clickhouse"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fields = {k: v for k, v in self.headers.items() if k.lower().startswith("x-clickhouse")}
        way = turns.choice(WAYS) if "insert_deduplication_token=" in self.path else "well"
        if way == "lie":
            self.answer(200, [("X-ClickHouse-Exception-Code", "209")], b"")
        elif way == "late":
            threading.Timer(1, ask, (self.path, body, fields)).start()
            self.close_connection = True
        else:
            said = ask(self.path, body, fields)
            if way == "lost":
                self.close_connection = True
            else:
                self.answer(*said)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
with open(sys.argv[1], "w") as file:
    file.write(str(server.server_address[1]))
server.serve_forever()
