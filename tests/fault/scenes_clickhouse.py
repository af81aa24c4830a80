"""Deltas in ClickHouse by claimed epochs: stages and the server are killed in the middle of inserts, connections are cut inside of requests and answers, two
pipelines share the partitions. Its rows are the recount of its positions, which stand in a file."""
import os
import signal
import time

import oracle.clickhouse
from pipes import SESSION_MS
from scenes_kafka_sink import under_faults
from stores import Store
from tap import Skip
from world import World

SINK = 2
CRASHES = [(SINK, p) for p in ("barrier-before", "barrier-after", "sink-claimed", "sink-written", "sink-init")] + [(0, "source-revoked"), (1, "barrier-after")]


class ClickHouse(Store):
    kind = "clickhouse"

    def __init__(self, servers, db, job, positions, name="clickhouse"):
        super().__init__(name, job, oracle.clickhouse.ClickHouse(servers.port("clickhouse"), db, positions))
        self.servers, self.db, self.positions_file = servers, db, positions
        oracle.clickhouse.ClickHouse(servers.port("clickhouse"), "default", positions).do(f"create database {db}")

    def argv(self, init=True):
        return ["hta-sink-clickhouse", "-v", "--name", self.name, "--positions", self.positions_file] + (["--init"] if init else []) + [
            f"clickhouse://127.0.0.1:{self.servers.proxy('clickhouse').port}/{self.db}"]

    def drop(self):
        self.reader.do(f"drop database {self.db}")


def world(bench, trace):
    code, why = bench.servers.start("clickhouse")["clickhouse"]
    if code:
        raise Skip(why)
    w = World(bench, trace, ())
    w.stores["clickhouse"] = ClickHouse(w.servers, w.name, w.name, os.path.join(w.folder, "positions.db"))
    w.job.window, w.job.source = [], ["-X", f"session.timeout.ms={SESSION_MS}", "--epoch", "50ms", "--epoch-records", "500"]
    return w


def kill_stage(w, p):
    i = w.random.randrange(4)
    if not p.signal(signal.SIGKILL, i):
        return None
    return f"{p.name}: {p.stages[i][0]} killed", "stages killed"


def kill_server(w, _):
    w.servers.restart("clickhouse", "KILL")
    return "the server killed and started", "servers killed"


def cut_now(w, _):
    w.servers.proxy("clickhouse").cut()
    return "connections cut", "cuts"


def cut_insert(w, _):
    when = w.random.choice(["before", "inside", "after"])
    w.servers.proxy("clickhouse").cut_on(b"insert_deduplication_token", when)
    return f"cut {when} an insert", "cuts"


def cut_answer(w, _):
    w.servers.proxy("clickhouse").cut_after(w.random.randint(1, 5000))
    return "cut after some bytes", "cuts"


def sleep_sink(w, p):
    """Long enough for its partitions to go to the other pipeline: it wakes up with epochs that are not its own any more."""
    if not p.signal(signal.SIGSTOP, SINK):
        return None
    w.fill(w.random.randint(100, 600))
    p.signal(signal.SIGSTOP, 0)
    time.sleep(w.random.uniform(0.1, SESSION_MS / 1000 + 1))
    p.signal(signal.SIGCONT, SINK)
    time.sleep(w.random.uniform(0, 0.2))
    p.signal(signal.SIGCONT)
    return f"{p.name}: its sink slept", "sinks stopped and woken up"


FAULTS = [kill_stage] * 4 + [kill_server] * 2 + [cut_now, cut_insert, cut_insert, cut_insert, cut_answer, sleep_sink]


def storm(trace, bench):
    w = world(bench, trace)
    under_faults(w, trace, 200 if bench.long else 15, CRASHES, FAULTS, w.fill, proxy=w.servers.proxy("clickhouse"))
    w.finish(120)


TESTS = [("clickhouse: random faults, its rows are the recount", storm, True)]
