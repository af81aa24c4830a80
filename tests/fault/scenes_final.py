"""Final rows, once each: two pipelines count, a third one hands on what has become final, and all of them are killed, moved and restarted."""
import datetime
import os
import signal
import subprocess
import time

import pages
from log import Metric
from oracle import sqlite
from pipes import Supervised
from tap import Mismatch, wait_until
from world import World

WINDOW_S = 10
FAULTS = 100
ROUNDS, ROUNDS_LONG = 12, 40
LATE_EVERY = 3          # rounds
QUIET = 3               # the partition that sleeps but for the first round and what comes late
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def start_of(k):
    return int(START.timestamp()) + WINDOW_S * k


class Reader:
    """The pipeline that reads final rows, and where they go: SQLite, where triggers note every write of a row."""

    def __init__(self, w):
        self.path = os.path.join(w.folder, "out.db")
        self.job = w.name + "out"
        at = f"host=127.0.0.1 port={w.servers.proxy('pg').port} user=hta dbname={w.stores['pg'].db}"
        self.stages = [["hta-consume", "-v", "--job", self.job, "--final", w.log.metric.name, "-d", at, "--epoch", "50ms"],
                       ["hta-sink-sqlite", "--name", "out", self.path], ["hta-commit"]]
        self.pipe = Supervised(w.trace, w.job, "reader", self.stages)

    @staticmethod
    def prepare(w, path):
        """The tables, and the triggers on them, before the first row."""
        subprocess.run(["hta-sink-sqlite", "--init", path], stdin=subprocess.DEVNULL, check=True, stderr=subprocess.DEVNULL)
        db = sqlite.Sqlite(path).open()
        db.executescript("""create table writes (window_start, dims_hash);
            create trigger inserted after insert on hta_rollups begin insert into writes values (new.window_start, new.dims_hash); end;
            create trigger updated after update on hta_rollups begin insert into writes values (new.window_start, new.dims_hash); end""")
        db.close()

    def position(self):
        """Until when windows are out, in seconds."""
        at = sqlite.Sqlite(self.path).positions(self.job, "out")
        return at[0][1] / 1e6 if at else 0

    def wait_out(self, until_s):
        wait_until(60, lambda: f"windows out until {until_s}, they are until {self.position()}", lambda: self.position() >= until_s)

    def check(self, w, ends, last):
        """Windows up to the last one are out, each row once, each as the log had it when its window was over."""
        rows = sqlite.Sqlite(self.path).rows()
        db = sqlite.Sqlite(self.path).open()
        twice = db.execute("select window_start, dims_hash, count(*) from writes group by 1, 2 having count(*) > 1").fetchall()
        db.close()
        wrong = [f"written {n} times: {start} {dims}" for start, dims, n in twice]
        for k in range(last + 1):
            want = {key: row.row().measures() for key, row in w.log.recount({p: [(0, end)] for p, end in ends[k].items()})[0].items()
                    if key.start == start_of(k)}
            have = {key: row.measures() for key, row in rows.items() if key.start == start_of(k)}
            wrong += [f"window {k}, {key.dims}: wanted {want.get(key)}, is out as {have.get(key)}"
                      for key in set(want) | set(have) if want.get(key) != have.get(key)]
        beyond = [key for key in rows if key.start > start_of(last)]
        if wrong or beyond:
            raise Mismatch("what is out: " + "\n".join(wrong[:20] + [f"not final yet: {key}" for key in beyond[:5]]))
        w.trace.count("rows compared", len(rows))
        w.trace.add(f"{len(rows)} rows of {last + 1} windows are out")


def generate(w, k, count, partition):
    begin = (START + datetime.timedelta(seconds=WINDOW_S * k)).strftime("%Y-%m-%dT%H:%M:%SZ")
    w.produce(w.generate(count, "--start", begin), "-p", str(partition))


class Faults:
    def __init__(self, w, reader):
        self.w, self.reader, self.left = w, reader, FAULTS
        self.ways = [self.kill_stage] * 5 + [self.kill_all] * 2 + [self.move] * 2 + [self.restart]

    def pick(self):
        return self.w.random.choice(self.w.pipes + [self.reader.pipe])

    def kill_stage(self):
        p = self.pick()
        i = self.w.random.randrange(len(p.stages))
        if p.signal(signal.SIGKILL, i):
            self.w.trace.fault(f"kill -9 {p.name} {p.stages[i][0]}", "kill -9 of a stage")

    def kill_all(self):
        p = self.pick()
        if p.signal(signal.SIGKILL):
            self.w.trace.fault(f"kill -9 {p.name}, all of it", "kill -9 of a pipeline")

    def move(self):
        """Partitions go over to the other pipeline, and come back."""
        p = self.w.random.choice(self.w.pipes)
        self.w.trace.fault(f"{p.name} is away for a moment", "moves")
        p.hold()
        time.sleep(self.w.random.random() * 2)
        p.go_on()

    def restart(self):
        self.w.trace.fault("TERM to the reader, or Postgres restarts", "restarts")
        if self.w.random.random() < 0.7:
            self.reader.pipe.signal(signal.SIGTERM)
        else:
            self.w.servers.restart("pg", "QUIT")

    def some(self, n):
        for _ in range(min(n, self.left)):
            self.left -= 1
            self.w.random.choice(self.ways)()
            time.sleep(self.w.random.random() * 0.3)


def counted_late(w):
    """By process: a life that ends takes its count along."""
    pids = [p.run.procs[2].pid for p in w.live() if p.run]
    return {pid: pages.counter("hta-sink-pg", pid, "late_after_final") for pid in pids}


def wake_up(w, reader, k):
    """The quiet partition wakes up with events of a window that is out: they correct the row where it is counted, and show in the counter."""
    reader.wait_out(start_of(k))
    told = ended = False

    def seen():
        nonlocal told, ended
        told = any(n > before.get(pid, 0) for pid, n in counted_late(w).items())
        ended = [len(p.codes) for p in w.pipes] != lives
        return told or ended
    while not told: # a life that was hit before may end only now, and take its count along: once more, for another one
        w.wait_caught_up()
        before, lives = counted_late(w), [len(p.codes) for p in w.pipes]
        w.trace.fault(f"partition {QUIET} wakes up behind the mark", "partitions behind the mark")
        generate(w, k - 2, 5, QUIET)
        w.wait_caught_up()
        wait_until(60, "late_after_final goes up", seen)
    w.check()


def final_rows(trace, bench):
    w = World(bench, trace, ("pg",), partitions=4, metric=Metric(every_s=WINDOW_S, by=("endpoint",)))
    rounds = ROUNDS_LONG if bench.long else ROUNDS
    ends, reader, faults = [], None, None
    for _ in range(2):
        w.pipe()
    for k in range(rounds):
        for partition in range(4 if k == 0 else 3):
            generate(w, k, 1000, partition)
            if faults:
                faults.some(-(-FAULTS // (3 * (rounds - 1))))
        w.wait_caught_up(180)
        ends.append(w.ends())
        if k == 0:
            Reader.prepare(w, os.path.join(w.folder, "out.db"))
            reader = Reader(w)
            faults = Faults(w, reader)
        elif k >= LATE_EVERY and k % LATE_EVERY == 0:
            wake_up(w, reader, k)
    reader.wait_out(start_of(rounds - 1))
    if reader.pipe.fatal:
        raise Mismatch(f"the reader left with {reader.pipe.fatal}")
    w.log.read()
    reader.check(w, ends, rounds - 2)
    if reader.pipe.leave() != 0:
        raise Mismatch("the reader did not leave with 0")
    trace.add(f"{FAULTS - faults.left} faults")
    w.finish()


TESTS = [("final rows: once each, whatever is killed, moved and restarted, and whoever wakes up behind the mark", final_rows, False)]
