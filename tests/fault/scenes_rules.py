"""Rules that change while pipelines count by them: two hosts with a file each, deaths between the changes of two stores, a host that stays behind.

Every store is compared with a recount of the spans that it says it has: for each metric, the events from where a span began up to where it ended, or to
where the store stands."""
import json
import os
import time

from log import utc
from oracle import Failure, Mismatch, recount
from pipes import Run, Supervised, run_once
from tap import wait_until
from world import World

ORDER = ("pg", "redis", "sqlite")
BY = {"w": ("endpoint",), "w@2": ("endpoint", "status"), "w@3": ("status",), "w@4": (), "x": ("status",)}


def rule(name, version=1, by=("endpoint",), **more):
    return {"rule_id": name, "version": version, "window_size": "5m", "group_by": list(by), "metric": "count", **more}


OLD = [rule("w")]
NEW = [rule("w", 2, BY["w@2"]), rule("x", 1, BY["x"])]


class Hosts(World):
    """Each host has a file of rules, which is replaced as a whole."""

    def __init__(self, bench, trace, sinks=ORDER, partitions=3):
        super().__init__(bench, trace, sinks, partitions, proxied=False)

    def file(self, host):
        return os.path.join(self.folder, f"rules{host}.json")

    def deploy(self, rules, *hosts, text=None):
        for host in hosts:
            with open(self.file(host) + ".new", "w") as f:
                f.write(text if text is not None else "\n".join(json.dumps(r) for r in rules))
            os.rename(self.file(host) + ".new", self.file(host))

    def stages(self, host, source=(), order=None, more=()):
        stages = self.job.stages(order, source)
        stages[1] = ["hta-window", "--rules", self.file(host), *more]
        return stages

    def host(self, host, order=None):
        p = Supervised(self.trace, self.job, f"host{host}", self.stages(host, order=order))
        self.pipes.append(p)
        return p

    def read_once(self, host, want=0, more=(), crash=None):
        return run_once(self.trace, self.job, f"once{host}", self.stages(host, ("-e",), more=more), want, 60, crash)

    # ---- what the stores say

    def doc(self, name):
        s = self.stores[name]
        if name == "pg":
            text = s.sql(f"select doc from hta_rules where job = '{self.job.name}' and sink = 'pg'").strip()
        elif name == "sqlite":
            db = s.reader.open()
            text = (db.execute("select doc from hta_rules where job = ?", (self.job.name,)).fetchone() or [""])[0]
            db.close()
        else:
            c = s.reader.client()
            text = (c("HGET", f"{{hta}}:job:{self.job.name}:redis", "rules") or b"").decode()
            c.close()
        return json.loads(text) if text else {"rules": [], "metrics": [], "positions": []}

    def versions(self, name):
        return {r["rule"]: (r["version"], r["state"]) for r in self.doc(name)["rules"]}

    def check_rules(self):
        """At rest: nobody writes."""
        snaps = {n: (s.snapshot(), self.doc(n)) for n, s in self.stores.items()}
        self.read_log({n: s for n, (s, _) in snaps.items()})
        rows = 0
        for n, (snap, doc) in snaps.items():
            rows += self.check_store(n, snap, doc)
            self.trace.count("comparisons")
        self.trace.count("rows compared", rows)

    def check_store(self, name, snap, doc):
        starts = [{p: o for _, p, o in at} for at in doc["positions"]]
        wanted = {}
        for m in doc["metrics"]:
            metric = recount.Metric(300, BY[m["name"]], name=m["name"])
            for span in m["spans"]:
                for p, (init, at) in snap.pos.items():
                    a = starts[span["from"] - 1].get(p, init) if span.get("from") else init
                    b = starts[span["to"] - 1].get(p, init) if span.get("to") else at
                    for o in range(a, b):
                        if p in self.log.events and o in self.log.events[p]:
                            key = metric.take(self.log.events[p][o][1])[0]
                            wanted[key] = wanted.get(key, 0) + 1
        stored = {key: row.count for key, row in snap.rows.items()}
        wrong = [f"{key.metric} {utc(key.start)} {key.dims}: wanted {wanted.get(key)}, has {stored.get(key)}"
                 for key in sorted(set(wanted) | set(stored)) if wanted.get(key) != stored.get(key)]
        if wrong:
            raise Mismatch(f"{name} is not the recount of its spans {doc['metrics']}, {doc['positions']}, at {snap.pos}:\n" + "\n".join(wrong[:20]))
        return len(stored)

    def finish_rules(self, versions, seconds=180):
        self.wait_caught_up(seconds)
        for p in self.live():
            code = p.leave()
            if code != 0:
                raise Failure(f"{p.name}: {code} at TERM, not 0")
        self.check_rules()
        for n in self.stores:
            if self.versions(n) != versions:
                raise Failure(f"{n} has {self.versions(n)}, wanted {versions}")
        self.drop()


NEW_VERSIONS = {"w": (2, "active"), "x": (1, "active")}


def wait_for_set(w, versions, names=None, seconds=30):
    wait_until(seconds, lambda: f"rules {versions}, there are {[w.versions(n) for n in names or w.stores]}",
               lambda: all(w.versions(n) == versions for n in names or w.stores))


def beside_the_old(trace, bench):
    """One host reloads; partitions move to one that has the old file: it is stale until it has the new one. Nothing is lost."""
    w = Hosts(bench, trace, partitions=4)
    w.deploy(OLD, 0, 1)
    w.fill(2000)
    w.host(0)
    w.wait_caught_up()
    w.host(1, order=("sqlite", "redis", "pg"))
    w.fill(4000)
    trace.fault("host 0 reloads, host 1 has the old file")
    w.deploy(NEW, 0)
    end = time.monotonic() + 60
    while 75 not in w.pipes[1].codes and time.monotonic() < end:
        w.fill(200)
    wait_for_set(w, NEW_VERSIONS)
    w.pipes[0].hold()       # its partitions move to the stale one, which counts nothing
    w.pipes[1].hold()       # and what both have sent before is through
    wait_until(60, "the stores to be through with what was sent", lambda: all([s.alone() for s in w.stores.values()]))
    before = w.standing()
    said = os.path.getsize(w.pipes[1].log_path)
    w.fill(500)
    w.pipes[1].go_on()

    def stale():
        with open(w.pipes[1].log_path, "rb") as f:
            f.seek(said)
            return b"rules of this pipeline are old" in f.read()
    wait_until(60, "host 1 to be stale", stale)
    if w.standing() != before:
        raise Failure(f"a stale pipeline has moved positions from {before} to {w.standing()}")
    w.deploy(NEW, 1)
    w.pipes[0].go_on()
    w.fill(2000)
    w.finish_rules(NEW_VERSIONS)


def between_the_stores(trace, bench):
    """Each store has changed the rules, and its sink dies before the next one hears of it."""
    w = Hosts(bench, trace)
    for i, name in enumerate(ORDER):
        versions = {"w": (1 + i, "active")}
        if i == 0:
            w.deploy(OLD, 0)
            w.fill(1000)
            w.read_once(0)
        w.fill(1000)
        run = Run(w.stages(0), os.path.join(w.folder, "crash.log"), (2 + i, "sink-rules:1"))
        trace.ends.append(run.end)
        w.wait_caught_up()
        trace.fault(f"{name} dies when it has changed the rules", "crash points")
        w.deploy([rule("w", 2 + i, BY[f"w@{2 + i}"])], 0)
        end = time.monotonic() + 60
        while not run.first_ended() and time.monotonic() < end:
            w.fill(100)
        run.wait(60)
        if not run.crashed():
            raise Failure(f"{name} did not die: {run.codes()}\n{run.said()[-2000:]}")
        changed = [n for n in ORDER if w.versions(n) != versions]
        if changed != list(ORDER[:i + 1]):
            raise Failure(f"changed: {changed}")
        w.check_rules()
        if i == 0:
            w.deploy(OLD, 1)
            w.read_once(1, want=75)         # the file of before is stale, whatever the stores behind have
            w.check_rules()
        w.read_once(0)
        w.check_rules()
    w.finish_rules({"w": (4, "active")})


def at_the_same_moment(trace, bench):
    """Two hosts get the same file at once, again and again: the same change is one change."""
    w = Hosts(bench, trace, ("pg", "redis"), partitions=4)
    w.deploy(OLD, 0, 1)
    w.fill(1000)
    w.host(0)
    w.host(1, order=("redis", "pg"))
    w.wait_caught_up()
    for version in (2, 3):
        rules = [rule("w", version, BY[f"w@{version}"])]
        trace.fault(f"version {version} on both hosts at once")
        w.deploy(rules, 0, 1)
        end = time.monotonic() + 60
        while any(w.versions(n) != {"w": (version, "active")} for n in w.stores) and time.monotonic() < end:
            w.fill(300)
        w.wait_caught_up()
    for n in w.stores:
        spans = {m["name"]: len(m["spans"]) for m in w.doc(n)["metrics"]}
        if spans != {"w": 1, "w@2": 1, "w@3": 1}:
            raise Failure(f"{n} has spans {spans}")
    w.finish_rules({"w": (3, "active")})


def paused_and_bad(trace, bench):
    """A bad file, a file that fits not, ten files a second; a pause and what follows it."""
    w = Hosts(bench, trace, ("pg", "redis"))
    w.deploy(NEW, 0)
    w.fill(1000)
    p = w.host(0)
    w.wait_caught_up()
    for text, said in (('{"rule_id":"w",', "the rules stay as they were"), (json.dumps(NEW[1]), "rule w is missing"),
                       (json.dumps(rule("w", 2, BY["w"])) + json.dumps(NEW[1]), "give it a higher version, 3")):
        w.deploy(None, 0, text=text)
        wait_until(60, f"'{said}'", lambda: said in open(p.log_path).read())
    w.fill(500)
    w.wait_caught_up()
    paused = [rule("w", 2, BY["w@2"], active=False), NEW[1]]
    for i in range(20):
        w.deploy(NEW if i % 2 else paused, 0)
        time.sleep(0.05)
    w.deploy(paused, 0)
    end = time.monotonic() + 60
    while w.versions("redis")["w"] != (2, "paused") and time.monotonic() < end:
        w.fill(100)
    w.fill(700)
    w.wait_caught_up()
    w.deploy([rule("w", 3, BY["w@2"]), NEW[1]], 0)
    end = time.monotonic() + 60
    while w.versions("redis")["w"] != (3, "active") and time.monotonic() < end:
        w.fill(100)
    if p.codes:
        raise Failure(f"it left with {p.codes}")
    w.fill(700)
    w.wait_caught_up()
    if p.leave() != 0:
        raise Failure(f"left with {p.codes}")
    w.check_rules()
    w.deploy([NEW[1]], 0)
    w.fill(300)
    w.read_once(0, want=75)
    w.read_once(0, more=("--retire", "w"))
    w.read_once(0)
    w.finish_rules({"w": (3, "retired"), "x": (1, "active")})


TESTS = [
    ("rules: one host reloads beside the old file", beside_the_old, True),
    ("rules: deaths between the stores", between_the_stores, True),
    ("rules: the same reload at the same moment", at_the_same_moment, True),
    ("rules: bad files, a pause, --retire", paused_and_bad, True),
]
