"""Kills an intake again and again under load: ingest_kill.py LOG KILLS SEED

Clients post events, remember what was acknowledged with 2xx or 409, and send what was not again, most of the time; some
give up, so that of those requests nothing is known. Writes into the current folder, an id a line: `acked`,
`sent`, and `stats`, the last answer of GET /stats; `wrong` has answers that should not have been. The log is left to be read by others."""
import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time

CLIENTS = 8


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Client(threading.Thread):
    """One connection at a time; a request is one of four forms."""

    def __init__(self, port, number, seed):
        super().__init__()
        self.port, self.name, self.random = port, f"c{number}", random.Random(seed * 100 + number)
        self.acked, self.sent, self.wrong = [], [], []
        self.connection, self.ending, self.count = None, False, 0

    def event(self, event_id):
        event = {"event_type": "click", "user_id": self.name, "timestamp": "2026-01-01T00:00:00Z",
                 "payload": {"n": self.count, "pad": "x" * self.random.randrange(300)}}
        if event_id:
            event["event_id"] = event_id
        return event

    def made(self):
        """A request: path, headers, body, and the ids that it has, None where the intake makes one."""
        self.count += 1
        ids = [f"{self.name}-{self.count}"]
        form = self.random.randrange(4)
        if form == 0:
            return "/events", {}, self.event(ids[0]), ids
        if form == 1:
            return "/events", {"Idempotency-Key": ids[0]}, self.event(None), None
        if form == 2:
            return "/publish", {}, dict(self.event(ids[0]), topic="events", source="s"), ids
        ids = [f"{ids[0]}.{i}" for i in range(self.random.choice((1, 10, 500)))]
        return "/ingest", {}, [self.event(i) for i in ids], ids

    def post(self, path, headers, body):
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            self.connection.request("POST", path, json.dumps(body),
                                    {"Content-Type": "application/json", **headers})
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            self.connection.close()
            self.connection = None
            return None, None

    def run(self):
        while not self.ending:
            path, headers, body, ids = self.made()
            self.sent += ids or []
            give_up = ids and self.random.randrange(5) == 0
            while True:
                status, answer = self.post(path, headers, body)
                if status in (201, 202, 409):
                    self.acked += ids or [answer["event_id"]]
                    self.sent += [] if ids else [answer["event_id"]]
                elif status not in (None, 503):
                    self.wrong.append(f"{status} {answer}")
                if status in (201, 202, 409) or give_up:
                    break
                time.sleep(0.02)


def start(log, port):
    intake = subprocess.Popen(["hta-ingest", "-l", str(port), "--log", log, "--only-log"])
    end = time.monotonic() + 20
    while time.monotonic() < end and intake.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return intake
        time.sleep(0.01)
    sys.exit(f"the intake does not listen: {intake.poll()}")


def main():
    log, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    port, rnd = free_port(), random.Random(seed)
    intake = start(log, port)
    clients = [Client(port, i, seed) for i in range(CLIENTS)]
    for c in clients:
        c.start()
    for _ in range(kills):
        time.sleep(rnd.uniform(0.02, 0.4))
        intake.send_signal(signal.SIGKILL)
        intake.wait()
        intake = start(log, port)
    time.sleep(0.2)
    for c in clients:
        c.ending = True
    for c in clients:
        c.join()
    ask = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    ask.request("GET", "/stats")
    stats = ask.getresponse().read().decode()
    ask.close()
    intake.terminate()
    code = intake.wait(20)
    for name, lines in (("acked", [i for c in clients for i in c.acked]), ("sent", [i for c in clients for i in c.sent]),
                        ("wrong", [w for c in clients for w in c.wrong]), ("stats", [stats.strip()])):
        with open(name, "w", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in lines)
    sys.exit(code)


main()
