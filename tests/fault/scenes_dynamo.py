"""Events in DynamoDB (DynamoDB Local, its data in a folder that outlives it): connections that are cut before, inside and after a write, a server that is
killed, and stages that are. Some events come several times, with another text each: of these the last of the log must stay, with --if-absent the first."""
import os
import shutil
import subprocess
import tempfile

import oracle.dynamo
from pipes import SESSION_MS
from scenes_claims import CRASHES, Folder, kill_one
from scenes_kafka_sink import KINDS, kill_pipe, under_faults
from tap import Failure, Mismatch, Skip

AGAIN = 0.1     # of the events are copies of earlier ones


class Table(Folder):
    """in -> items."""

    def __init__(self, bench, trace, absent):
        super().__init__(bench, trace, "sqlite")
        self.absent = absent
        self.proxy = bench.servers.proxy("dynamo")
        self.server = oracle.dynamo.Dynamo(bench.servers.port("dynamo"))
        self.restart = lambda: bench.servers.restart("dynamo", "KILL")
        self.copies = {}        # of each id, in the order of the log
        os.environ.update(AWS_ACCESS_KEY_ID="hta", AWS_SECRET_ACCESS_KEY="right", AWS_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true")

    def stages(self, timeout_ms=0):
        source = ["hta-consume", "-v", "-b", self.brokers, "-t", self.topics["in"], "-g", self.name, "-X", f"session.timeout.ms={SESSION_MS}",
                  "-X", "heartbeat.interval.ms=400", "-X", "max.poll.interval.ms=6000", "--epoch", "50ms", "--epoch-records", "500"]
        sink = ["hta-sink-dynamo", "-v", "--init", "--positions", self.positions] + (["--if-absent"] if self.absent else [])
        return [source, [*sink, f"dynamodb://us-east-1/{self.name}?endpoint=http://127.0.0.1:{self.proxy.port}"], ["hta-commit"]]

    def new_lines(self, count):
        """Keyed: all copies of an event are in one partition."""
        lines = []
        for _ in range(count):
            if self.n and self.random.random() < AGAIN:
                n = self.random.randint(max(1, self.n - 2000), self.n)
            else:
                self.n += 1
                n = self.n
            copies = self.copies.setdefault(f"e{n}", [])
            copies.append('{"event_id":"e%d","ts":"2026-01-%02dT00:00:%02dZ","copy":%d}' % (n, n % 28 + 1, n % 60, len(copies)))
            lines.append(f"e{n}\t{copies[-1]}".encode())
        return lines

    def produce(self, count):
        p = subprocess.run(["kcat", "-P", "-K", "\t", "-b", self.brokers, "-t", self.topics["in"], "-X", "max.in.flight.requests.per.connection=1"],
                           input=b"\n".join(self.new_lines(count)) + b"\n", stderr=subprocess.PIPE, timeout=60)
        if p.returncode:
            raise Failure(f"kcat -P: {p.stderr.decode(errors='replace')}")

    def wanted(self):
        return {i: copies[0 if self.absent else -1] for i, copies in self.copies.items()}

    def found(self):
        try:
            return {i["event_id"]: i["payload"] for i in self.server.events(self.name)}
        except oracle.dynamo.Refused:
            return {}           # no pipeline has made the table yet

    def check(self):
        """At any moment: nothing that was not produced; with --if-absent nothing but the first. True: and all is there."""
        found, want = self.found(), self.wanted()
        self.trace.count("comparisons")
        self.trace.count("records compared", len(found))
        wrong = [(i, text) for i, text in found.items() if text not in ([want.get(i)] if self.absent else self.copies.get(i, []))]
        if wrong:
            raise Mismatch(f"{len(wrong)} items are not ours: {wrong[:10]}")
        for p in self.pipes:
            if p.fatal:
                raise Failure(f"{p.name} left with {p.fatal}, and a supervisor must not start it again")
        return found == want

    def missing(self):
        found = self.found()
        return [(i, found.get(i), text) for i, text in self.wanted().items() if found.get(i) != text][:10]

    def finish(self, seconds=180):
        super().finish(seconds)
        for table in (self.name, self.name + "_dead"):
            self.server.ask("DeleteTable", {"TableName": table})


def cut_now(w, _):
    w.proxy.cut()
    return "connections to the table cut", "cuts"


def cut_at(w, _):
    pattern = b".PutItem" if w.absent else b".BatchWriteItem"
    when = w.random.choice(["before", "inside", "after"])
    w.proxy.cut_on(pattern, when)
    return f"cut {when} {pattern.decode()}", "cuts"


def cut_answer(w, _):
    w.proxy.cut_after(w.random.randint(1, 3000))
    return "cut after some bytes", "cuts"


def kill_server(w, _):
    w.restart()
    return "DynamoDB killed and started", "servers killed"


# A sink that sleeps in the middle of a write may put an older copy over a newer one, as the manual says; never so with --if-absent.
FAULTS = [kill_one] * 4 + [kill_pipe] * 2 + [cut_now, cut_at, cut_at, cut_at, cut_answer, cut_answer, kill_server]
FAULTS_ABSENT = FAULTS + KINDS[7:]


def storm(trace, bench, absent, most):
    """Random faults on two pipelines of a group. In the end: each event once, as it has to be."""
    code, why = bench.servers.start("dynamo")["dynamo"]
    if code:
        raise Skip(why)
    # it syncs each item: in memory that costs nothing
    data = tempfile.mkdtemp(prefix="hta-dynamo.", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else bench.folder)
    bench.servers.environ["HTA_DYNAMO_DATA"] = data
    try:
        bench.servers.restart("dynamo", "KILL")
        w = Table(bench, trace, absent)
        under_faults(w, trace, most, CRASHES, FAULTS_ABSENT if absent else FAULTS, w.produce, proxy=w.proxy)
        w.finish()
    finally:
        bench.servers.sh("stop", "dynamo", "KILL", check=False)
        del bench.servers.environ["HTA_DYNAMO_DATA"]
        shutil.rmtree(data, ignore_errors=True)


# one after the other: each has a server of its own
TESTS = [("dynamo: random faults, each event once, the last of its copies", lambda t, b: storm(t, b, False, 200 if b.long else 15), False),
         ("dynamo: random faults, each event once, the first of its copies", lambda t, b: storm(t, b, True, 60 if b.long else 8), False)]
