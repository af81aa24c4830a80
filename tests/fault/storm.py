"""Seeded random faults. A run is one job: its shape, its faults and their times are drawn from the seed and the run's number, then the weather
calms, everything must catch up, then without a fault no life may end, all pipelines leave with 0, and every store must equal a recount. Stores are
compared while it storms, too."""
import random
import signal
import subprocess
import threading
import time

from faults import Faults
from log import Metric
from tap import Failure, Mismatch, wait_until
from world import World

SHAPES = [("pg", "redis")] * 4 + [("redis", "pg"), ("pg",), ("redis",), ("sqlite",), ("pg", "sqlite"), ("pg", "redis", "sqlite")]
POINTS = {
    "consume": ["line-half", "source-init", "source-assigned", "source-revoked", "source-before-commit", "source-after-commit"],
    "window": ["line-half", "barrier-before", "barrier-after"],
    "pg": ["line-half", "barrier-before", "barrier-after", "sink-init", "sink-inside", "sink-sent"],
    "redis": ["line-half", "barrier-before", "barrier-after", "sink-init", "sink-sent"],
    "sqlite": ["line-half", "barrier-before", "barrier-after", "sink-init", "sink-inside"],
    "commit": ["barrier-before", "barrier-after"],
}


class Storm(Faults):
    def __init__(self, trace, bench, number):
        self.trace, self.bench = trace, bench
        self.rng = r = random.Random(f"{bench.seed} storm {number}")
        self.seconds = r.uniform(7, 14)
        cluster = "kafka3" if bench.kafka3() and r.random() < 0.25 else "kafka"
        shape = r.choice(SHAPES)
        metric = Metric(every_s=r.choice((60, 300)), by=r.choice((("endpoint", "status"), ("customer",), ("region",))),
                        uniq=r.choice((None, None, "user_id")))
        self.world = w = World(bench, trace, shape, r.randint(1, 6), cluster, metric)
        self.past = r.random() < 0.5            # stores may be given older states; else the log may be trimmed
        self.emptied = self.moved_back = False
        self.gaps = not self.past and r.random() < 0.4      # retention may pass positions
        self.floor = {}
        w.dense = True
        self.calmed = False
        self.desk = threading.Lock()            # one operator
        w.job.source = ["--epoch", r.choice(("10ms", "50ms", "300ms")), "--epoch-records", r.choice(("100", "700", "3000"))] + (
            ["--dead", "drop"] if shape == ("redis",) else []) + (["--on-gap", "skip"] if self.gaps else [])
        self.events = ["--bad-prob", r.choice(("0", "0.02")), "--late-prob", "0.05", "--jitter", "20s", "--dup-prob", "0.01"]
        trace.add(f"shape: {shape}, {w.partitions} partitions on {cluster}, {' '.join(w.job.source)}, past {self.past}, gaps {self.gaps}")
        self.faults = self.choose()

    def choose(self):
        """(weight, fault)"""
        w = self.world
        f = [(6, self.kill_stage), (1, self.kill_all), (4, self.stop_stage), (1, self.term), (2, self.join), (1, self.leave), (1, self.grow),
             (2, self.cut_kafka), (1 if w.cluster == "kafka3" else 0.3, self.broker_restart)]
        if "pg" in w.stores:
            f += [(4, self.cut_pg), (0.7, self.pg_restart)]
        if "redis" in w.stores:
            f += [(4, self.cut_redis), (1, self.redis_restart)]
        if self.past:
            f += [(1.5, self.store_copy), (1.5, self.store_old), (0.7, self.store_emptied)]
            if "redis" in w.stores:
                f += [(1, self.redis_truncated), (1, self.redis_copy), (1, self.redis_old)]
        else:
            f.append((1, self.trim))
        if self.gaps:
            f.append((0.8, self.retention))
        return f

    # ---- a run

    def go(self):
        w, r = self.world, self.rng
        w.fill(r.randint(1, 4000), *self.events)
        for _ in range(r.randint(1, 3)):
            self.join()
        producer = threading.Thread(target=self.produce, daemon=True)
        producer.start()
        try:
            self.storm()
        finally:
            self.calmed = True
            producer.join(60)
        self.calm()
        self.after()

    def storm(self):
        r = self.rng
        end = time.monotonic() + self.seconds
        look = time.monotonic() + r.uniform(2, 4)
        while time.monotonic() < end:
            time.sleep(r.uniform(0.1, 1.2))
            weights = [f[0] for f in self.faults]
            r.choices(self.faults, weights)[0][1]()
            if time.monotonic() > look:
                self.look()
                look = time.monotonic() + 3

    def after(self):
        """Caught up; then more without a fault, and no life ends (I7); then the polite end."""
        w = self.world
        self.last_events()
        w.wait_caught_up(180)
        self.settle()
        lives = {p.name: len(p.codes) for p in w.pipes}
        self.last_events()
        w.wait_caught_up()
        ended = [f"{p.name}: {p.codes}" for p in w.pipes if len(p.codes) > lives[p.name]]
        if ended:
            raise Failure(f"I7: lives ended without a fault: {ended}")
        w.finish()

    def settle(self):
        """Until no life has ended for two seconds: a sleeper may have to learn yet that it was evicted."""
        last = [None, time.monotonic()]

        def still():
            now = [(len(p.codes), p.leaving and p.alive()) for p in self.world.pipes]
            if now != last[0] or any(leaving for _, leaving in now):
                last[:] = now, time.monotonic()
            return time.monotonic() - last[1] > 2
        wait_until(60, lambda: f"two seconds in which no life ends: {[(p.name, p.codes) for p in self.world.pipes]}", still)
        self.world.wait_caught_up()

    def produce(self):
        r = random.Random(f"{self.bench.seed} {self.trace.name} producer")
        while not self.calmed:
            try:
                self.world.produce(self.world.generate(r.randint(1, 2500), *self.events, seed=r.randrange(1 << 40)))
            except Exception as e:      # what came through is in the log, and counts
                self.trace.add(f"producer: {e}")
            time.sleep(r.uniform(0.05, 0.8))

    def calm(self):
        self.trace.add("calm")
        self.calmed = True
        self.bench.servers.calm()
        for name in ("pg", "redis", *self.bench.servers.nodes(self.world.cluster)):
            self.bench.servers.sh("start", name)
        for p in self.world.pipes:
            p.go_on()
            p.start_without_crash()
            p.signal(signal.SIGCONT)
        if not self.staying():
            self.join()

    def last_events(self):
        """A restored store shows itself where new records come: some for every partition."""
        for p in self.world.ends():
            self.world.produce(self.world.generate(20), "-p", str(p))

    def look(self):
        """Every store that answers now must be the recount of its positions."""
        try:
            commits = self.world.committed()
            snaps = self.world.check()
        except Mismatch:
            raise
        except (Failure, OSError, ValueError, subprocess.TimeoutExpired) as e:
            self.trace.count("looks in vain")
            self.trace.add(f"look: {str(e)[:200]}")     # a server is away
            return
        if self.past:
            return
        for n, s in snaps.items():
            for p, (_, at) in s.pos.items():
                if at < self.floor.get((n, p), 0):
                    raise Mismatch(f"I2: {n} went back from {self.floor[n, p]} to {at} in partition {p}")
                self.floor[n, p] = at
                if commits.get(p, 0) > at:
                    raise Mismatch(f"I4: partition {p} was committed at {commits[p]}, {n} stands at {at}")

    # ---- pipelines

    def join(self):
        w = self.world
        if len(self.staying()) >= 3:
            return
        order = list(w.stores)
        self.rng.shuffle(order)
        rng = random.Random(self.rng.random())
        self.trace.fault(f"pipe{len(w.pipes)} joins, {order}", "pipelines that join")
        w.pipe(order, crashes=lambda: self.crash(rng, order), operator=self.operator)

    def crash(self, rng, order):
        if self.calmed or rng.random() > 0.2:
            return None
        i = rng.randrange(len(order) + 3)
        kind = ("consume", "window", *order, "commit")[i]
        return i, f"{rng.choice(POINTS[kind])}:{rng.choice((1, 1, 2, 3, 5, 8, 13, 30))}"


def test(number):
    def run(trace, bench):
        Storm(trace, bench, number).go()
    return run
