"""Seeded random faults. A run is one job: its shape, its faults and their times are drawn from the seed and the run's number, then the weather
calms, everything must catch up, then without a fault no life may end, all pipelines leave with 0, and every store must equal a recount. Stores are
compared while it storms, too.

A fault is counted when it has happened: a cut when the connection is cut, a crash point when the program died there."""
import os
import random
import re
import signal
import subprocess
import threading
import time

import log as logs
from log import Metric
from pipes import SESSION_MS
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


class Storm:
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
        w.wait_caught_up(90)
        self.settle()
        lives = {p.name: len(p.codes) for p in w.pipes}
        self.last_events()
        w.wait_caught_up(60)
        ended = [f"{p.name}: {p.codes}" for p in w.pipes if len(p.codes) > lives[p.name]]
        if ended:
            raise Failure(f"I7: lives ended without a fault: {ended}")
        w.finish(60)

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
        if not self.world.live():
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
        if len(w.live()) >= 3:
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

    def one(self):
        live = self.world.live()
        return self.rng.choice(live) if live else None

    def leave(self):
        p = self.one()
        if p and len(self.world.live()) > 1:
            self.trace.fault(f"{p.name} leaves", "pipelines that leave")
            # one that is stopped, or waits for a server, leaves late or by force; that is its supervisor's matter
            threading.Thread(target=self.leave_now, args=(p,), daemon=True).start()

    def leave_now(self, p):
        p.signal(signal.SIGCONT)
        try:
            p.leave(20)
        except Failure:
            p.end()

    def term(self):
        p = self.one()
        if p:
            self.trace.fault(f"TERM to {p.name}", "TERM to a pipeline")
            p.signal(signal.SIGTERM)

    def stage_of(self):
        p = self.one()
        if not p:
            return None, None, None
        i = self.rng.randrange(len(p.stages))
        return p, i, p.stage(i)

    def kill_stage(self):
        p, i, proc = self.stage_of()
        if proc:
            self.trace.fault(f"kill -9 {p.name} {p.stages[i][0]}", "kill -9 of a stage")
            p.signal(signal.SIGKILL, i)

    def kill_all(self):
        p = self.one()
        if p:
            self.trace.fault(f"kill -9 {p.name}", "kill -9 of a pipeline")
            p.signal(signal.SIGKILL)

    def stop_stage(self):
        p, i, proc = self.stage_of()
        if not proc:
            return
        whole = self.rng.random() < 0.3
        seconds = self.rng.choice((self.rng.uniform(0.05, 0.8), SESSION_MS / 1000 + self.rng.uniform(0.3, 2.5)))
        self.trace.fault(f"stop {p.name} {'whole' if whole else p.stages[i][0]} for {seconds:.2f} s",
                         f"STOP and CONT of a {'pipeline' if whole else 'stage'}" + (", longer than the session" if seconds > SESSION_MS / 1000 else ""))
        which = None if whole else i
        p.signal(signal.SIGSTOP, which)
        later(seconds, lambda: p.signal(signal.SIGCONT, which))

    def operator(self, pipe, code, said):
        """What whoever is on duty does about a 78, and nothing else: says --bootstrap where a store was emptied."""
        found = re.search(r"--bootstrap (\S+?)=init", said)
        if code != 78 or not found or not (self.emptied or self.moved_back):
            return False
        with self.desk:
            for n in range(60):
                code, said = self.world.bootstrap(found[1], want=None)
                self.trace.add(f"--bootstrap {found[1]}=init for {pipe.name}: {code}")
                if code == 0 or "has positions" in said:
                    return True
                if pipe.leaving:
                    return True
                time.sleep(0.3)
        return False

    # ---- networks

    def cut(self, name, pattern):
        r, proxy = self.rng, self.bench.servers.proxy(name)
        how = r.choice(("now", "bytes", "bytes", "refuse", "stall", "before", "inside", "after", "after"))
        kind = f"{name.split('-')[0]}: "
        if how == "now" or (how in ("before", "inside", "after") and not pattern):
            self.trace.fault(f"{name} is cut", kind + "cut")
            proxy.cut()
        elif how == "bytes":
            n = int(10 ** r.uniform(0, 5.5))
            self.trace.add(f"{name} is to be cut after {n} bytes")
            proxy.cut_after(n, lambda: self.trace.fault(f"{name} is cut after {n} bytes", kind + "cut after N bytes"))
        elif how in ("refuse", "stall"):
            seconds = r.uniform(0.2, 2.5)
            self.trace.fault(f"{name}: {how} for {seconds:.2f} s", kind + ("refused" if how == "refuse" else "stalled"))
            getattr(proxy, how)()
            later(seconds, lambda: getattr(proxy, how)(False))
        else:
            where = f"cut {how} {'' if how == 'inside' else 'it has '}{pattern.decode()}"
            self.trace.add(f"{name} is to be {where}")
            proxy.cut_on(pattern, how, lambda: self.trace.fault(f"{name} is {where}", kind + where))

    def cut_pg(self):
        self.cut("pg", b"COMMIT")

    def cut_redis(self):
        self.cut("redis", b"EVALSHA")

    def cut_kafka(self):
        self.cut(self.rng.choice(self.bench.servers.nodes(self.world.cluster)), None)

    # ---- servers

    def pg_restart(self):
        self.trace.fault("Postgres: immediate shutdown, restart", "Postgres restarts")
        self.bench.servers.restart("pg", "QUIT")

    def redis_restart(self):
        self.trace.fault("Redis is killed and restarted", "Redis restarts")
        self.bench.servers.redis_restart()

    def broker_restart(self):
        node = self.rng.choice(self.bench.servers.nodes(self.world.cluster))
        leader = None
        if node != "kafka" and self.rng.random() < 0.8:
            at = self.tried(lambda: logs.leaders(self.world.brokers, self.world.topic)) or {}
            leader = at.get(0) and self.bench.servers.node_of(at[0])
        node = leader or node
        self.trace.fault(f"{node} is killed and restarted" + (", the leader of partition 0" if leader else ""),
                         "leaders of three brokers killed" if leader else "brokers killed")
        self.bench.servers.sh("stop", node, "KILL")
        time.sleep(self.rng.uniform(0, 1))
        self.bench.servers.sh("start", node)

    # ---- the past

    def store_copy(self):
        s = self.rng.choice(list(self.world.stores.values()))
        if not s.copied and self.answers(s):
            self.trace.add(f"{s.name} is copied")
            s.copy("old")
            s.copied = True

    def store_old(self):
        for s in self.world.stores.values():
            if s.copied:
                self.trace.fault(f"{s.name} is given its older state", f"{s.name}: older state restored")
                self.moved_back = True
                s.restore("old")
                return

    def answers(self, s):
        try:
            return bool(s.positions())
        except Exception:
            return False

    def store_emptied(self):
        s = self.rng.choice(list(self.world.stores.values()))
        if self.answers(s):
            self.trace.fault(f"{s.name} is emptied", f"{s.name}: {'flushed' if s.kind == 'redis' else 'emptied'}")
            self.emptied = True
            s.empty()

    def redis_copy(self):
        self.trace.add("a copy of Redis' files is made")
        self.bench.servers.redis_snapshot(os.path.join(self.world.folder, "aof"))

    def redis_old(self):
        old = os.path.join(self.world.folder, "aof")
        if os.path.exists(old):
            self.trace.fault("Redis restarts from an older copy of its files", "redis: restarts from older files")
            self.moved_back = True
            self.bench.servers.redis_restart(snapshot=old)

    def redis_truncated(self):
        n = int(10 ** self.rng.uniform(0, 5))
        self.trace.fault(f"Redis restarts without the last {n} bytes of its file", "redis: restarts from a truncated file")
        self.moved_back = True
        self.bench.servers.redis_restart(truncate=n)

    # ---- the topic

    def grow(self):
        w = self.world
        if w.partitions < 8:
            w.partitions += self.rng.randint(1, 2)
            self.trace.fault(f"the topic grows to {w.partitions} partitions", "partitions added")
            self.tried(lambda: logs.kadm(w.brokers, "grow", w.topic, w.partitions))

    def trim(self):
        """Retention below all positions: nothing is lost."""
        w = self.world
        low = {}
        stand = self.tried(w.standing) or {}
        for at in stand.values():
            for p, o in at.items():
                low[p] = min(o, low.get(p, o))
        if not low or any(set(at) != set(low) for at in stand.values()):
            return
        w.log.read()            # what goes now is in the stores, and is to be remembered
        p = self.rng.choice(list(low))
        self.trace.fault(f"partition {p} is trimmed to {low[p]}", "retention up to the positions")
        self.tried(lambda: logs.kadm(w.brokers, "trim", w.topic, p, low[p]))

    def retention(self):
        """Past positions: no pipeline lives meanwhile, so it is known what each store loses."""
        w = self.world
        for p in w.pipes:
            p.hold()
        try:
            self.tried(self.trim_past)
        finally:
            for p in w.pipes:
                p.go_on()

    def trim_past(self):
        w = self.world
        for name in ("pg", "redis"):
            proxy = self.bench.servers.proxy(name)
            proxy.calm()
            proxy.cut()
        wait_until(10, "the stores to be through with what was sent", lambda: all([s.alone() for s in w.stores.values()]))
        stand, ends = w.standing(), w.ends()
        w.log.read()
        p = self.rng.choice([p for p, o in ends.items() if o] or [0])
        low = min(at.get(p, 0) for at in stand.values())
        to = min(low + self.rng.randint(1, 1500), ends.get(p, 0), w.log.end.get(p, 0))
        if to <= low:
            return
        self.trace.fault(f"partition {p} is trimmed to {to}, the stores stand at {[(n, at.get(p)) for n, at in stand.items()]}", "retention past the positions")
        logs.kadm(w.brokers, "trim", w.topic, p, to)
        for n, at in stand.items():
            if at.get(p, 0) < to:
                w.lost.setdefault(n, {}).setdefault(p, []).append((at.get(p, 0), to))

    def tried(self, fn):
        try:
            return fn()
        except (Failure, OSError) as e:
            self.trace.add(f"not done: {e}")
            return None


def later(seconds, fn):
    t = threading.Timer(seconds, fn)
    t.daemon = True
    t.start()


def test(number):
    def run(trace, bench):
        Storm(trace, bench, number).go()
    return run
