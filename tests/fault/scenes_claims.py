"""Claimed epochs: a store without transactions (tests/mock/hta-sink-folder, a file an epoch), its positions in Postgres, Redis or SQLite. Each record must
stand in one file, once, whatever is killed, stopped and woken up again, with two pipelines of one group."""
import os
import shutil
import time
from collections import Counter

from pipes import SESSION_MS
from scenes_kafka_sink import KINDS, Clean, under_faults
from stores import Pg, Redis
from tap import Failure, wait_until
from world import redis_number

SINK = 1
CRASHES = [(SINK, p) for p in ("line-half", "barrier-before", "barrier-after", "sink-inside", "sink-sent", "sink-init", "sink-claimed", "sink-written")] + [
    (0, "source-assigned"), (0, "source-revoked"), (2, "barrier-before")]


class Folder(Clean):
    """in -> a folder. All records are good ones."""
    sink = SINK

    def __init__(self, bench, trace, keeper):
        super().__init__(bench, trace)
        self.out = os.path.join(self.folder, "out")
        self.store = {"pg": lambda: Pg(bench.servers, self.name, self.name), "redis": lambda: Redis(bench.servers, redis_number(), self.name),
                      "sqlite": lambda: None}[keeper]()
        self.positions = self.store.argv()[-1] if self.store else os.path.join(self.folder, "positions.db")

    def stages(self, timeout_ms=0):
        source = ["hta-consume", "-v", "-b", self.brokers, "-t", self.topics["in"], "-g", self.name, "-X", f"session.timeout.ms={SESSION_MS}",
                  "-X", "heartbeat.interval.ms=400", "-X", "max.poll.interval.ms=6000", "--epoch", "50ms", "--epoch-records", "500"]
        return [source, ["hta-sink-folder", "-v", "--init", "--positions", self.positions, self.out], ["hta-commit"]]

    def new_lines(self, count):
        lines = [b'{"n":%d}' % n for n in range(self.n + 1, self.n + 1 + count)]
        self.n += count
        self.want["clean"].update(lines)
        return lines

    def read(self, kind):
        found = Counter()
        for name in os.listdir(self.out) if kind == "clean" and os.path.isdir(self.out) else []:
            if "." not in name:
                with open(os.path.join(self.out, name), "rb") as f:
                    found.update(f.read().splitlines()[1:])
        return found

    def finish(self, seconds=120):
        super().finish(seconds)
        if self.store:
            self.store.drop()
        shutil.rmtree(self.folder)


def kill_one(w, p):
    i = w.random.randrange(3)
    if not p.signal(9, i):
        return None
    return f"{p.name}: {p.stages[i][0]} killed", "stages killed"


def many(trace, bench, keeper, faults):
    """Random faults on two pipelines of a group. In between and in the end: each record once."""
    w = Folder(bench, trace, keeper)
    under_faults(w, trace, faults, CRASHES, [kill_one] * 5 + KINDS[5:], w.produce)
    w.finish()


def each_point(trace, bench):
    """Dies at every point of an epoch; what was left open is settled at the next start, and the records are there once."""
    w = Folder(bench, trace, "sqlite")
    left = [f"{p}:{n}" for p in ("sink-claimed", "sink-inside", "sink-sent", "sink-written", "barrier-after") for n in (1, 2)]
    points = len(left)

    def crashes():
        """A life that ends in another way is followed by one for the same point."""
        died = trace.kinds.get("crash points", 0)
        return (SINK, left[died]) if died < points else None
    w.pipe(crashes)
    end = time.monotonic() + 300
    while trace.kinds.get("crash points", 0) < points:
        w.produce(300)
        time.sleep(0.3)
        w.check()
        if time.monotonic() > end:
            raise Failure(f"{trace.kinds.get('crash points', 0)} deaths at {points} points, the pipeline left with {w.pipes[0].codes}")
    w.produce(300)
    w.finish()


def moves(trace, bench):
    """A second pipeline comes and goes while the first is at work: claims of partitions that move."""
    w = Folder(bench, trace, "sqlite")
    w.pipe()
    for _ in range(4):
        w.produce(500)
        p = w.pipe()
        wait_until(60, "its records", w.check)
        w.pipes.remove(p)
        if p.leave() != 0:
            raise Failure(f"{p.name}: {p.codes[-1]} at TERM, not 0")
        trace.fault("a pipeline came and went", "moves")
    w.finish()


TESTS = [
    ("claims: a sink that dies at each point of an epoch", each_point, True),
    ("claims: partitions that move", moves, True),
] + [(f"claims: random faults, positions in {k}, each record once", lambda t, b, k=k: many(t, b, k, 200 if b.long else 20), True)
     for k in ("pg", "redis", "sqlite")]
