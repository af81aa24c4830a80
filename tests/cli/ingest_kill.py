"""Kills an intake again and again under load: ingest_kill.py LOG KILLS SEED [STAGES]

With STAGES, "a | b | hta-commit", the intake is the head of that pipeline: one of its processes is killed each time, the others have to
leave by themselves with a code that a supervisor starts again on, and all are started again.

Clients post events, remember what was acknowledged with 2xx or 409, and send what was not again, most of the time; some
give up, so that of those requests nothing is known. Writes into the current folder, an id a line: `acked`,
`sent`, and `stats`, the last answer of GET /stats; `wrong` has answers that should not have been. The log is left to be read by others."""
import http.client
import json
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time

CLIENTS = 8


def free_port(rnd):
    """Below those that the kernel gives to clients: ours must find it free after each kill."""
    while True:
        port = rnd.randrange(20000, 32000)
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) != 0:
                return port


def get(port, path):
    ask = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    ask.request("GET", path)
    body = ask.getresponse().read()
    ask.close()
    return body


class Client(threading.Thread):
    """One connection at a time; a request is one of four forms."""

    def __init__(self, port, number, seed, pace_s):
        super().__init__(daemon=True)
        self.pace_s = pace_s        # between two requests: what stores have to take in the time of many kills is bounded
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
        ids = [f"{ids[0]}.{i}" for i in range(self.random.choice((1, 10, 500 if self.pace_s == 0 else 50)))]
        return "/ingest", {}, [self.event(i) for i in ids], ids

    def post(self, path, headers, body):
        if not self.connection:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
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
            time.sleep(self.pace_s)
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


class Service:
    """The intake, alone or with stages below."""

    def __init__(self, log, port, stages):
        head = ["hta-ingest", "-l", str(port), "--log", log]
        self.port = port
        self.argvs = [head + (["--epoch", "50ms"] if stages else ["--only-log"])]
        self.argvs += [shlex.split(stage) for stage in stages.split("|")] if stages else []
        self.processes = []
        self.kills = 0              # that have hit a process

    def start(self):
        self.processes, source = [], None
        for i, argv in enumerate(self.argvs):
            last = i + 1 == len(self.argvs)
            p = subprocess.Popen(argv, stdin=source, stdout=None if last else subprocess.PIPE)
            if source:
                source.close()
            source = p.stdout
            self.processes.append(p)
        intake, end = self.processes[0], time.monotonic() + 60
        while time.monotonic() < end and intake.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0 and self.begun():
                    return
            time.sleep(0.01)
        sys.exit(f"the intake does not listen: {intake.poll()}")

    def begun(self):
        """All stages run, or have left: one that is killed before is to the next one a program that is not there, 78."""
        return all(p.poll() is not None or os.path.exists(f"{os.environ['HTA_RUN']}/{p.args[0]}.{p.pid}.page") for p in self.processes[1:])

    def kill(self, rnd):
        victim = rnd.choice(self.processes)
        victim.send_signal(signal.SIGKILL)
        codes = [p.wait(60) for p in self.processes]
        self.kills += victim.returncode == -signal.SIGKILL
        below = self.processes.index(victim)
        for i, (p, code) in enumerate(zip(self.processes, codes)):
            # to a stage that has not read its first line the stream is a plain one, and SIGPIPE its end when its reader is gone
            plain = 0 < i < below and code == -signal.SIGPIPE
            if code not in (0, 69, 74, 75, 76) and not (p is victim and code == -9) and not plain:
                sys.exit(f"{p.args[0]} left with {code} when {victim.args[0]} was killed")

    def end(self):
        self.processes[0].terminate()
        return max(p.wait(60) for p in self.processes)


def main():
    log, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rnd = random.Random(seed)
    port = free_port(random.Random())   # another one for each of two that have the same seed
    stages = sys.argv[4] if len(sys.argv) > 4 else ""
    service = Service(log, port, stages)
    service.start()
    clients = [Client(port, i, seed, 0.01 if stages else 0) for i in range(CLIENTS)]
    for c in clients:
        c.start()
    for _ in range(kills):
        time.sleep(rnd.uniform(0.02, 1.5 if stages else 0.4))
        service.kill(rnd)
        service.start()
    time.sleep(0.2)
    for c in clients:
        c.ending = True
    for c in clients:
        c.join()
    stats = get(port, "/stats").decode()
    end = time.monotonic() + 60
    while stages and json.loads(get(port, "/health")).get("pipeline", {}).get("lag_bytes") != 0:
        if time.monotonic() > end:
            sys.exit(f"the pipeline does not come to the log's end: {get(port, '/health')}")
        time.sleep(0.05)
    if service.kills < kills * 3 / 4:
        sys.exit(f"{service.kills} of {kills} kills have hit a process: the others had left by themselves")
    code = service.end()
    for name, lines in (("acked", [i for c in clients for i in c.acked]), ("sent", [i for c in clients for i in c.sent]),
                        ("wrong", [w for c in clients for w in c.wrong]), ("stats", [stats.strip()])):
        with open(name, "w", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in lines)
    sys.exit(code)


main()
