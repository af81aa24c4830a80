"""What befalls a storm's pipelines, networks, servers, stores and topic. Each is counted when it has happened: a cut when the connection is cut."""
import os
import re
import signal
import subprocess
import threading
import time

import log as logs
from pipes import SESSION_MS, run_once
from tap import Failure, wait_until


class Faults:
    """Of a Storm: it has trace, bench, rng, world, and notes what it has done to the stores."""

    # ---- pipelines

    def one(self):
        live = self.world.live()
        return self.rng.choice(live) if live else None

    def staying(self):
        return [p for p in self.world.live() if not p.leaving]

    def leave(self):
        p = self.rng.choice(self.staying() or [None])
        if p and len(self.staying()) > 1:
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
        """What whoever is on duty does about a 78, and nothing else: where a store was emptied, --bootstrap as the message says; where older states came
        back from before that, the job is deleted and begins anew."""
        if code != 78 or "--bootstrap" not in said or not (self.emptied or self.moved_back):
            return False
        with self.desk:
            for _ in range(20):
                if pipe.leaving:
                    return True
                code, said = self.world.once("asked", source=("--dry-run",), want=None)
                if code != 78:          # somebody has seen to it, or a server is away
                    return True
                if "--reset" in said:
                    for s in self.world.stores.values():
                        self.reset(s)
                    self.world.bootstrap(min(s.name for s in self.world.stores.values()), want=None)
                    continue
                found = re.search(r"--bootstrap (\S+?)=init", said)
                if not found:
                    return False
                self.world.bootstrap(found[1], want=None)
        return False

    def reset(self, store):
        self.trace.add(f"--reset at {store.name}")
        run_once(self.trace, self.world.job, f"reset-{store.name}", [store.argv(init=False) + ["--reset", self.world.job.name]], want=None)

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
        if w.log.end.get(p, 0) < low[p]: # a broker that has just come back shows less for a moment
            return
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
        wait_until(60, "the stores to be through with what was sent", lambda: all([s.alone() for s in w.stores.values()]))
        stand, ends = w.standing(), w.ends()
        w.log.read()
        p = self.rng.choice([p for p, o in ends.items() if o] or [0])
        low = min(at.get(p, 0) for at in stand.values())
        to = min(low + self.rng.randint(1, 1500), ends.get(p, 0), w.log.end.get(p, 0))
        if to <= low:
            return
        self.trace.fault(f"partition {p} is trimmed to {to}, the stores stand at {[(n, at.get(p)) for n, at in stand.items()]}", "retention past the positions")
        self.tried(lambda: logs.kadm(w.brokers, "trim", w.topic, p, to))
        first = logs.ends(w.brokers, w.topic)[p][0]     # done or not
        for n, at in stand.items():
            if at.get(p, 0) < first:
                w.lost.setdefault(n, {}).setdefault(p, []).append((at.get(p, 0), first))

    def tried(self, fn):
        try:
            return fn()
        except (Failure, OSError, ValueError, subprocess.SubprocessError) as e:
            self.trace.add(f"not done: {e}")
            return None


def later(seconds, fn):
    t = threading.Timer(seconds, fn)
    t.daemon = True
    t.start()
