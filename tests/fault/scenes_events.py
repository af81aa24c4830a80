"""Events beside rows in one pipeline: two pipelines of a group, killed over and over; every record of the topic is an event once, as it came."""
import json
import os
import signal
import sqlite3
import subprocess
import time

from oracle import Mismatch
from pipes import Supervised
from tap import Failure
from world import World

POINTS = ("sink-inside", "sink-sent", "barrier-before", "barrier-after", "sink-init")


def stages(w, keyed):
    """The job's, with two sinks of events above the window."""
    out = w.job.stages()
    pg, lite = w.stores["pg"].argv(), w.stores["sqlite"].argv()
    out[1:1] = [pg[:1] + ["--events"] + ["--name", "pg-events"] + pg[3:], lite[:1] + ["--events", "--name", "lite-events", *keyed] + lite[3:]]
    return out


def topic(w):
    """{(partition, offset): line}, read by somebody else."""
    raw = subprocess.run(["kcat", "-C", "-q", "-e", "-b", w.brokers, "-t", w.topic, "-f", "%p %o %s\n"], check=True, stdout=subprocess.PIPE, timeout=120).stdout
    out = {}
    for line in raw.splitlines():
        p, o, record = line.split(b" ", 2)
        out[int(p), int(o)] = record
    return out


def in_pg(w):
    rows = w.stores["pg"].sql("select partition || ' ' || record_offset || ' ' || record from hta_events").encode()
    out = {}
    for line in rows.splitlines():
        p, o, record = line.split(b" ", 2)
        out[int(p), int(o)] = record
    return out


def in_sqlite(w):
    db = sqlite3.connect(w.stores["sqlite"].path)
    rows = db.execute("select partition, record_offset, cast(record as blob) from hta_events").fetchall()
    db.close()
    return {(p, o): record for p, o, record in rows}, len(rows)


def fill_and_kill(w, pipes, rounds):
    for _ in range(rounds):
        w.fill(2000)
        time.sleep(w.random.uniform(0.3, 2.5))
        p = w.random.choice(pipes)
        i = w.random.randrange(len(p.stages))
        if p.stage(i):
            w.trace.fault(f"kill -9 {p.name} {p.stages[i][0]} {i}", "kill -9 of a stage")
            p.signal(signal.SIGKILL, i)


def events_once(trace, bench, keyed=()):
    w = World(bench, trace, ("pg", "sqlite"), proxied=False)
    left = [5]

    def crashes():
        if w.random.random() < 0.5 or not left[0]:
            return None
        left[0] -= 1
        return w.random.choice((1, 2)), f"{w.random.choice(POINTS)}:{w.random.randint(1, 3)}"
    for n in range(2):
        w.pipes.append(Supervised(trace, w.job, f"events{n}", stages(w, keyed), crashes))
    fill_and_kill(w, w.pipes, 16 if bench.long else 8)
    left[0] = 0
    for p in w.pipes:
        p.start_without_crash()
    w.wait_caught_up(180)
    want = topic(w)
    pg = in_pg(w)
    lite, rows = in_sqlite(w)
    if pg != want:
        raise Failure(f"postgres has {len(pg)} events, the topic {len(want)}; {len(set(want) - set(pg))} are missing")
    if keyed:
        found, all_of = sorted(lite.values()), sorted(set(want.values()))
        if found != all_of or rows != len(all_of):
            raise Failure(f"sqlite has {rows} events, the topic {len(all_of)} different ones")
    elif lite != want:
        raise Failure(f"sqlite has {len(lite)} events, the topic {len(want)}; {len(set(want) - set(lite))} are missing")
    trace.count("events compared", len(pg) + rows)
    w.finish(180)

# ---- with filters in the pipe

SCHEMA = {"type": "object", "required": ["event_id"], "properties": {"status": {"type": "integer"}}}
PASSES = 400        # hta-filter lets a status below it through


class Dirty(World):
    """Records that filters find dead, drop and pass. An oracle of a line: "dead", "dropped", or what is stored of it."""

    def __init__(self, bench, trace, parsed):
        super().__init__(bench, trace, ("pg", "sqlite"), proxied=False)
        self.parsed = parsed
        schema = os.path.join(self.folder, "schema.json")
        with open(schema, "w") as f:
            json.dump(SCHEMA, f)
        first = ["hta-parse", "--format", "logfmt"] if parsed else ["hta-validate", "--schema", schema]
        self.front = [first, ["hta-filter", "--where", f".status < {PASSES}"]]
        self.n = 0

    def stages(self):
        out = stages(self, ())
        return out[:1] + self.front + out[1:]

    def fill(self, count):
        lines = []
        for line in self.generate(count).splitlines():
            self.n += 1
            if self.n % 11 == 0:
                line = b"no record %d" % self.n
            elif self.parsed:
                line = b" ".join(b"%s=%s" % (k.encode(), str(v).encode()) for k, v in json.loads(line).items() if k != "payload")
            elif self.n % 13 == 0:
                line = line.replace(b'"status":', b'"status":"none","was":')
            lines.append(line)
        self.produce(b"\n".join(lines) + b"\n")

    def record(self, line):
        if line.startswith(b"no record"):
            return "dead"
        if self.parsed:
            words = dict(word.split(b"=", 1) for word in line.split(b" "))
            event = {k.decode(): v.decode() for k, v in words.items()}
            event = {k: json.loads(v) if k in ("status", "latency_ms") else v for k, v in event.items()}
        else:
            event = json.loads(line)
        if not isinstance(event["status"], int):
            return "dead"
        if event["status"] >= PASSES:
            return "dropped"
        return json.dumps(event, sort_keys=True) if self.parsed else line

    def stored(self, records):
        """As record() has them: what came through hta-parse by its values, all else by its bytes."""
        return {at: json.dumps(json.loads(r), sort_keys=True) if self.parsed else r for at, r in records.items()}

    def check_places(self):
        lines = topic(self)
        told = {at: self.record(line) for at, line in lines.items()}
        dead = {at: lines[at] for at, t in told.items() if t == "dead"}
        passed = {at: t for at, t in told.items() if t not in ("dead", "dropped")}
        if not dead or not passed or len(dead) + len(passed) == len(lines):
            raise Failure("the topic has not all kinds of records")
        lite, rows = in_sqlite(self)
        kinds = [("postgres' events", self.stored(in_pg(self)), passed), ("sqlite's events", self.stored(lite), passed),
                 *((f"dead letters of {sink}", dead_letters(self, sink), dead) for sink in ("pg-events", "pg"))]
        for what, found, want in kinds:
            if found != want:
                wrong = [at for at in set(found) | set(want) if found.get(at) != want.get(at)]
                raise Mismatch(f"{what} are {len(found)}, not {len(want)}: " + str([(at, want.get(at), found.get(at)) for at in sorted(wrong)[:5]]))
        counts = {n: sum(row.count for row in s.snapshot().rows.values()) for n, s in self.stores.items()}
        if rows != len(passed) or set(counts.values()) != {len(passed)}:
            raise Mismatch(f"{len(passed)} records passed, sqlite has {rows} events, counted are {counts}")
        self.trace.count("events compared", len(passed) * 2 + len(dead))


def dead_letters(w, sink):
    """Every sink of a store keeps them, under its name."""
    rows = w.stores["pg"].sql(f"select partition || ' ' || record_offset || ' ' || record from hta_dead where sink = '{sink}'").encode()
    out = {}
    for line in rows.splitlines():
        p, o, record = line.split(b" ", 2)
        if (int(p), int(o)) in out:
            raise Mismatch(f"a dead letter twice: {line}")
        out[int(p), int(o)] = record
    return out


def filtered(trace, bench, parsed):
    w = Dirty(bench, trace, parsed)
    for n in range(2):
        w.pipes.append(Supervised(trace, w.job, f"dirty{n}", w.stages()))
    fill_and_kill(w, w.pipes, 16 if bench.long else 7)
    w.wait_caught_up(180)
    w.wait_committed(10)
    for p in w.live():
        if p.leave() != 0:
            raise Failure(f"{p.name} left with {p.codes}")
    w.check_places()
    w.drop()


TESTS = [
    ("events beside rows, two pipelines killed over and over: each once", events_once, True),
    ("events known by a member of theirs: the same", lambda t, b: events_once(t, b, ("--key", "event_id")), True),
    ("events below hta-validate and hta-filter: dead, dropped, stored, each where it belongs, once", lambda t, b: filtered(t, b, False), True),
    ("events below hta-parse and hta-filter: the same", lambda t, b: filtered(t, b, True), True),
]
