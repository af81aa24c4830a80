"""One job of a test: a topic, its stores, its pipelines, and the check at the end."""
import itertools
import os
import random
import subprocess
import threading

import log as logs
from log import Log, Metric
from pipes import Job, Supervised, run_once
from stores import Pg, Redis, Sqlite, compare
from tap import Failure, wait_until

numbers = itertools.count(1)
REDIS_NUMBERS = 255         # of 512: the others hold copies, and 0 is for hosts with one state


def redis_number(n=None):
    """Of the n-th world, or of a new one."""
    return 1 + ((n or next(numbers)) - 1) % REDIS_NUMBERS


class World:
    def __init__(self, bench, trace, sinks=("pg", "redis"), partitions=3, cluster="kafka", metric=None, topic_settings=(), proxied=True):
        self.bench, self.trace, self.servers = bench, trace, bench.servers
        self.n = next(numbers)
        trace.count("jobs")
        self.random = random.Random(f"{bench.seed} {trace.name} {trace.counts['jobs']}")
        self.name = f"{bench.mark}{self.n}"
        self.cluster = cluster
        self.partitions = partitions
        self.folder = os.path.join(bench.folder, self.name)
        os.mkdir(self.folder)
        self.brokers = self.servers.brokers(cluster)
        self.topic = self.name
        self.create(topic_settings)
        metric = metric or Metric()
        self.log = Log(self.brokers, self.topic, metric)
        self.stores = {}
        for kind in sinks:
            self.stores[kind] = self.store(kind, proxied)
        self.job = Job(self.name, self.topic, self.servers.proxied_brokers(cluster) if proxied else self.brokers, self.brokers, metric, self.stores, self.folder)
        self.pipes = []
        self.lost = {}          # {store's name: {partition: [(from, to)]}}
        self.dense = False      # every offset has a record
        if "pg" not in sinks and "sqlite" not in sinks:
            self.job.window = ["--dead", "drop"]
            self.job.source += ["--dead", "drop"]

    def create(self, settings=()):
        logs.kadm(self.brokers, "create", self.topic, self.partitions, *settings)

    def store(self, kind, proxied=True):
        if kind == "pg":
            return Pg(self.servers, self.name, self.name, proxied=proxied)
        if kind == "redis":
            return Redis(self.servers, redis_number(self.n), self.name, proxied=proxied)
        return Sqlite(os.path.join(self.folder, "db"), self.name)

    # ---- events

    def generate(self, count, *more, seed=None):
        """Bytes of so many events, one a line."""
        seed = self.random.randrange(1 << 40) if seed is None else seed
        return subprocess.run(["hta-gen", "--count", str(count), "--step", "10ms", "--seed", str(seed), *more], check=True, stdout=subprocess.PIPE).stdout

    def produce(self, data, *more):
        p = subprocess.run(["kcat", "-P", "-b", self.brokers, "-t", self.topic, "-X", "sticky.partitioning.linger.ms=0", *more],
                           input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        if p.returncode:
            raise Failure(f"kcat -P: exit {p.returncode}: {p.stderr.decode(errors='replace')}")

    def fill(self, count, *more):
        self.produce(self.generate(count, *more))

    # ---- pipelines

    def once(self, name="once", order=None, source=("-e",), want=0, seconds=120, crash=None, init=True):
        """One pipeline, one life."""
        return run_once(self.trace, self.job, name, self.job.stages(order, source, init), want, seconds, crash)

    def pipe(self, order=None, source=(), crashes=lambda: None, operator=None):
        p = Supervised(self.trace, self.job, f"pipe{len(self.pipes)}", self.job.stages(order, source), crashes, operator)
        self.pipes.append(p)
        return p

    def live(self):
        return [p for p in self.pipes if p.alive()]

    def bootstrap(self, sink, how="init", want=0, order=None, seconds=120):
        return self.once(f"bootstrap-{sink}", order, ("--bootstrap", f"{sink}={how}"), want, seconds)

    # ---- checks

    def ends(self):
        return {p: high for p, (_, high) in logs.ends(self.brokers, self.topic).items()}

    def standing(self, names=None):
        return {n: {p: at for p, (_, at) in s.positions().items()} for n, s in self.stores.items() if names is None or n in names}

    def caught_up(self, names=None):
        ends = self.ends()
        return all(at == ends for at in self.standing(names).values())

    def wait_caught_up(self, seconds=120, names=None):
        def all_there():
            for p in self.pipes:
                if p.fatal:
                    raise Failure(f"{p.name} left with {p.fatal}, and a supervisor must not start it again")
            return self.caught_up(names)
        wait_until(seconds, lambda: f"stores at the log's ends {self.ends()}, they stand at {self.standing(names)}", all_there)

    def check(self, whole=False, names=None, read=True):
        """Every store, against the recount of its positions; whole: and those are the log's ends, and uniques agree between stores
        that have the same records."""
        snaps = {n: s.snapshot() for n, s in self.stores.items() if names is None or n in names}
        if read:
            self.read_log(snaps)
        ends = self.ends() if whole else None
        rows = 0
        for n, snap in snaps.items():
            rows += len(compare(self.stores[n], snap, self.log, self.lost.get(n), ends))
            self.trace.count("comparisons")
        self.trace.count("rows compared", rows)
        if whole:
            if len({s.gen for s in snaps.values()}) != 1:
                raise Failure(f"the stores hold different generations: {[s.gen for s in snaps.values()]}")
            of = {}     # what was lost: the first store's that has lost it
            for n, snap in snaps.items():
                uniq = {k: r.uniq for k, r in snap.rows.items() if r.uniq is not None}
                if of.setdefault(str(self.lost.get(n)), uniq) != uniq:
                    raise Failure("the stores' estimates of uniques differ")
        return snaps

    def read_log(self, snaps):
        """After the stores: the log is ahead. A broker that has just come back may show less for a moment."""
        def there():
            self.log.read()
            return not self.dense or all(self.log.end.get(p, 0) >= at for s in snaps.values() for p, (init, at) in s.pos.items() if at > init)
        wait_until(60, lambda: f"records up to the positions {[(n, s.pos) for n, s in snaps.items()]}, there is {self.log.end}", there)

    def committed(self):
        return logs.committed(self.brokers, self.job.group, self.topic)

    def check_commits(self, exact=False):
        """I4; exact: commits are the log's ends."""
        commits = self.committed()
        for n, at in self.standing().items():
            for p, o in commits.items():
                if o > at.get(p, 0):
                    raise Failure(f"I4: partition {p} is committed at {o}, {n} stands at {at.get(p)}")
        if exact and commits != self.ends():
            raise Failure(f"committed {commits}, the log's ends are {self.ends()}")

    def wait_committed(self, seconds):
        """Who was evicted and is told to stop leaves with 0 and can commit nothing. Not waited for to the end: a commit that a fault took is repeated on leaving."""
        try:
            wait_until(seconds, "commits at the log's ends", lambda: not self.live() or self.committed() == self.ends())
        except Failure as e:
            self.trace.add(str(e))

    def finish(self, seconds=120):
        """All faults are over: everything is caught up, all leave with 0, all is as it should be."""
        self.wait_caught_up(seconds)
        self.wait_committed(10)
        for p in self.live():
            p.job = self.job
        threads = []
        codes = {}

        def leave(p):
            try:
                codes[p.name] = p.leave()
            except Failure as e:
                codes[p.name] = e
        for p in self.live():
            threads.append(threading.Thread(target=leave, args=(p,)))
            threads[-1].start()
        for t in threads:
            t.join()
        for name, code in codes.items():
            if code != 0:
                raise Failure(f"{name}: {code} at TERM, not 0")
        self.check(whole=True)
        self.check_commits(exact=True)
        self.drop()

    def drop(self):
        for s in self.stores.values():
            s.drop()
        try:
            logs.kadm(self.brokers, "delete", self.topic)
        except Failure as e:
            self.trace.add(f"the topic stays: {e}")
