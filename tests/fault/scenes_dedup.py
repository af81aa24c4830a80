"""hta-dedup in a job: records of which many are in the log twice or three times, in any partitions, and whatever dies, each counts once in every store.

The stores are compared with a recount of the distinct events; equal events are equal to the last byte, so it does not matter which of them won."""
import json
import os
import shutil
import signal
import subprocess
import time

from oracle import Failure, Mismatch
from pipes import Run, run_once
from points import died
from tap import wait_until
from world import World

DEDUP = 1       # its place in a pipeline
KILLS = 50


def lmdb(scene):
    """The same with a folder of LMDB."""
    def run(trace, bench):
        scene(trace, bench, "lmdb:")
    run.__doc__ = f"{scene.__doc__} With a folder of LMDB."
    return run


class Doubled(World):
    def __init__(self, bench, trace, scheme="", sinks=("pg", "sqlite"), partitions=3):
        super().__init__(bench, trace, sinks, partitions, proxied=False)
        self.scheme = scheme
        self.path = os.path.join(self.folder, "keys.db")
        self.state = scheme + self.path
        self.distinct = {}      # event_id -> line
        self.records = 0
        plain = self.job.stages

        def stages(order=None, source=(), init=True, state=None, more=()):
            out = plain(order, source, init)
            return out[:DEDUP] + [["hta-dedup", "--key", "event_id", "--state", state or self.state, *more]] + out[DEDUP:]
        self.job.stages = stages

    def copy_state(self, place, back=False):
        """To a place, or back from it; from None: there is none afterwards. The program does not run."""
        from_, to = (place, self.path) if back else (self.path, place)
        for end in ("", "-wal"):
            if os.path.isdir(to + end):
                shutil.rmtree(to + end)
            elif os.path.exists(to + end):
                os.remove(to + end)
            if from_ and os.path.isdir(from_ + end):
                shutil.copytree(from_ + end, to + end)
            elif from_ and os.path.exists(from_ + end):
                shutil.copy(from_ + end, to + end)

    def fill_doubled(self, count):
        """New events, each once, twice or three times, and some that were there long ago; at random over the partitions."""
        new = self.generate(count).splitlines()
        lines = [line for line in new for _ in range(self.random.choice((1, 1, 2, 3)))]
        lines += self.random.sample(sorted(self.distinct.values()), min(len(self.distinct), count // 4))
        self.random.shuffle(lines)
        for line in new:
            self.distinct[json.loads(line)["event_id"]] = line
        self.records += len(lines)
        self.produce(b"\n".join(lines) + b"\n")

    def dies(self, point, n):
        """A life in which hta-dedup dies at the n-th passage of this point."""
        run = Run(self.job.stages(source=("-e",)), os.path.join(self.folder, "crash.log"), (DEDUP, f"{point}:{n}"))
        self.trace.ends.append(run.end)
        code = run.wait(60)
        self.trace.count("lives")
        died("hta-dedup", DEDUP, f"{point}:{n}", code, run.codes())
        self.trace.fault(f"hta-dedup at {point}:{n}", "crash points")

    def check_unique(self):
        wanted = {}
        for line in self.distinct.values():
            key = self.job.metric.take(line)[0]
            wanted[key] = wanted.get(key, 0) + 1
        for n, s in self.stores.items():
            stored = {key: row.count for key, row in s.snapshot().rows.items()}
            self.trace.count("comparisons")
            self.trace.count("rows compared", len(stored))
            if stored != wanted:
                raise Mismatch(f"{n} counts {sum(stored.values())} events of {len(wanted)} groups, distinct are {len(self.distinct)} of {self.records}: "
                               + str([(str(k), wanted.get(k), stored.get(k)) for k in set(wanted) | set(stored) if wanted.get(k) != stored.get(k)][:10]))

    def finish_unique(self, seconds=180):
        self.wait_caught_up(seconds)
        for p in self.live():
            if p.leave() != 0:
                raise Failure(f"{p.name} left with {p.codes}")
        self.check_unique()
        self.drop()


def killed_anywhere(trace, bench, scheme=""):
    """Fifty kills of any stage at any moment, while records come."""
    w = Doubled(bench, trace, scheme)
    w.fill_doubled(3000)
    p = w.pipe()
    end = time.monotonic() + 300
    while trace.kinds.get("kill -9", 0) < KILLS:
        if time.monotonic() > end:
            raise Failure(f"{trace.kinds.get('kill -9', 0)} kills of {KILLS} have hit a process: {p.codes}")
        if w.random.random() < 0.2:
            w.fill_doubled(400)
        time.sleep(w.random.uniform(0.02, 0.4))
        which = w.random.choice((None, 0, DEDUP, DEDUP, 2, 3, 4, 5))
        if p.signal(signal.SIGKILL, which):
            trace.fault(f"kill -9 of {'all' if which is None else p.stages[which][0]}", "kill -9")
    w.fill_doubled(400)
    w.finish_unique()


def crash_points(trace, bench, scheme=""):
    """hta-dedup dies before its state is stored, inside of that, behind it, and in the middle of a line, each at several barriers."""
    w = Doubled(bench, trace, scheme)
    for point in ("barrier-before", "state-inside", "barrier-after", "line-half"):
        for n in (1, 2, 3):
            w.fill_doubled(3000)
            w.dies(point, n)
    run_once(trace, w.job, "rest", w.job.stages(source=("-e",)), 0)
    w.finish_unique()


def older_state(trace, bench, scheme=""):
    """A state that was put back from a copy is refused before a record is judged, in a partition without new records too; so is an empty one."""
    w = Doubled(bench, trace, scheme)
    old, new = w.path + ".old", w.path + ".new"

    def once(want):
        return run_once(trace, w.job, "once", w.job.stages(source=("-e",)), want, 60)[1]
    w.fill_doubled(3000)
    once(0)
    w.copy_state(old)
    w.fill_doubled(3000)
    once(0)
    w.copy_state(new)
    w.check_unique()
    w.produce(list(w.distinct.values())[0] + b"\n", "-p", "0")
    for copy, said in ((old, "is older than the sinks"), (None, "knows nothing of")):
        w.copy_state(copy, back=True)
        trace.fault(f"the state is {copy}", "states put back")
        if said not in once(78):
            raise Failure(f"it was to say that the state {said}")
        w.check_unique()
    w.copy_state(new, back=True)
    once(0)
    w.finish_unique()


def moved_away(trace, bench, scheme=""):
    """A second pipeline with a state of its own gets partitions that the first has begun: it leaves, the first goes on, nothing is lost or doubled."""
    w = Doubled(bench, trace, scheme, partitions=4)
    w.fill_doubled(3000)
    w.pipe()
    w.wait_caught_up()
    for i in range(3):
        trace.fault("a pipeline with another state comes", "moves")
        code, said = run_once(trace, w.job, f"other{i}", w.job.stages(state=f"{scheme}{w.folder}/other{i}.db"), None)
        if code != 78 or "knows nothing of" not in said:
            raise Failure(f"the other one left with {code}:\n{said[-2000:]}")
        w.fill_doubled(1000)
        w.wait_caught_up()
    w.finish_unique()


class Shared(Doubled):
    """Hosts with a state in the bench's Redis, whose file has what it has answered."""
    def __init__(self, bench, trace, partitions=4):
        super().__init__(bench, trace, partitions=partitions)
        self.state = f"redis://127.0.0.1:{self.servers.port('redis')}/0"
        self.write_through()

    def redis(self, *words):
        return subprocess.run(["redis-cli", "-u", self.state, *words], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def write_through(self):
        wait_until(60, lambda: "Redis takes its setting", lambda: self.redis("config", "set", "appendfsync", "always") == "OK")

    def kill_redis(self):
        self.servers.redis_restart()
        self.write_through()
        self.trace.fault("kill -9 of redis", "redis killed")

    def disturb(self):
        """One thing that happens to hosts."""
        p = self.random.choice(self.live())
        what = self.random.random()
        if what < 0.6:
            which = self.random.choice((None, 0, DEDUP, DEDUP, 2, 3, 4, 5))
            if p.signal(signal.SIGKILL, which):
                self.trace.fault(f"{p.name}: kill -9 of {'all' if which is None else p.stages[which][0]}", "kill -9")
        elif what < 0.75:
            self.kill_redis()
        elif what < 0.85:
            p.signal(signal.SIGSTOP)
            self.trace.fault(f"{p.name} stands still", "zombies")
            time.sleep(self.random.uniform(0.1, 9))
            p.signal(signal.SIGCONT)
        elif len(self.live()) < 3:
            self.trace.fault(f"{self.pipe().name} comes", "moves")
        else:
            self.trace.fault(f"{p.name} leaves", "moves")
            if p.leave() in (64, 65, 70, 78):
                raise Failure(f"{p.name} left with {p.codes}")

    def finish_shared(self):
        """What is counted is what is there, and nothing is left open."""
        tag = "{hta:%s}" % self.name
        self.finish_unique()
        keys = int(self.redis("hget", tag + "state", "keys"))
        if keys != len(self.distinct):
            raise Mismatch(f"{keys} keys of {len(self.distinct)} distinct events")
        for kind in ("open", "left"):
            for p in range(self.partitions):
                if self.redis("llen", f"{tag}{kind}:{self.topic}/{p}") != "0":
                    raise Mismatch(f"claims are {kind} in partition {p}")
        self.redis("config", "set", "appendfsync", "everysec")


def hosts(trace, bench):
    """Two or three hosts with one state in Redis: sixty kills of stages and of Redis, hosts that stand still, come and leave, while records come."""
    w = Shared(bench, trace)
    w.fill_doubled(3000)
    w.pipe()
    w.pipe()
    for i in range(60):
        if i % 3 == 0:
            w.fill_doubled(400)
        time.sleep(w.random.uniform(0.02, 0.6))
        w.disturb()
    w.fill_doubled(400)
    w.finish_shared()


def hosts_crash(trace, bench):
    """hta-dedup dies at its crash points with a state in Redis, and another host goes on."""
    w = Shared(bench, trace)
    for point in ("barrier-before", "state-inside", "barrier-after", "line-half"):
        for n in (1, 2, 3):
            w.fill_doubled(2000)
            w.dies(point, n)
    w.pipe()
    w.pipe()
    w.finish_shared()


TESTS = [
    ("dedup: fifty kills", killed_anywhere, True),
    ("dedup: crash points", crash_points, True),
    ("dedup: a state older than the sinks", older_state, True),
    ("dedup: partitions move to another state", moved_away, True),
    ("dedup: fifty kills, LMDB", lmdb(killed_anywhere), True),
    ("dedup: crash points, LMDB", lmdb(crash_points), True),
    ("dedup: a state older than the sinks, LMDB", lmdb(older_state), True),
    ("dedup: partitions move to another state, LMDB", lmdb(moved_away), True),
    ("dedup: hosts with one state in Redis", hosts, False),
    ("dedup: crash points, Redis", hosts_crash, True),
]
