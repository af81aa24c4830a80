"""A topic as it is, read with kcat, and a recount of it.

A record that was seen once is remembered: compaction and retention may take it away later, the stores still count it."""
import json
import subprocess
import threading
import time
from datetime import datetime, timezone

from oracle import Failure, recount


class Metric(recount.Metric):
    """The metric of most jobs, and what hta-window is told of it."""

    def __init__(self, every_s=300, by=("endpoint", "status"), value="latency_ms", uniq=None):
        super().__init__(every_s, by, value, uniq)

    def argv(self):
        a = ["hta-window", "--every", f"{self.every_s}s", "--by", ",".join(self.by)]
        if self.value:
            a += ["--value", self.value]
        if self.uniq:
            a += ["--uniq", self.uniq]
        return a


class Log:
    """events[partition][offset] = what Metric.take made of it."""

    def __init__(self, brokers, topic, metric):
        self.brokers, self.topic, self.metric = brokers, topic, metric
        self.events = {}
        self.end = {}                   # partition -> after the last record that was seen
        self.known = (None, None)       # the last recount, and of what
        self.lock = threading.Lock()
        self.hash_of = {}               # dims -> dims_hash, as stores have it

    def read(self):
        """All that is there now and readable (read_committed). What was known already is not read into again."""
        p = subprocess.run(["kcat", "-C", "-q", "-b", self.brokers, "-t", self.topic, "-o", "beginning", "-e", "-f", "%p %o %S %s\n",
                            "-X", "isolation.level=read_committed", "-X", "topic.metadata.refresh.interval.ms=500"],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if p.returncode:
            raise Failure(f"kcat: exit {p.returncode}: {p.stderr.decode(errors='replace')}")
        with self.lock:
            self._take(p.stdout)

    def _take(self, out):
        at = 0
        while at < len(out):
            end = out.index(b" ", out.index(b" ", out.index(b" ", at) + 1) + 1)
            p, o, size = (int(x) for x in out[at:end].split())
            size = max(size, 0)     # -1: a tombstone
            part = self.events.setdefault(p, {})
            if o not in part:
                raw = out[end + 1:end + 1 + size]
                part[o] = (self.metric.take(raw) if size else "filtered", raw)
                self.end[p] = max(o + 1, self.end.get(p, 0))
            at = end + 1 + size + 1

    def recount(self, ranges):
        """Sums, dead letters and watermarks of {partition: [(from, to), ...]}."""
        of = (self.size(), sorted(ranges.items()))
        if self.known[0] == of:
            return self.known[1]
        rows, dead, marks = {}, [], {}
        with self.lock:
            for p, spans in ranges.items():
                part = self.events.get(p, {})
                for a, b in spans:
                    for o in (range(a, b) if b - a < 2 * len(part) else sorted(part)):
                        if o in part and a <= o < b:
                            self._count(p, o, part[o], rows, dead, marks)
        self.known = (of, (rows, sorted(dead), marks))
        return self.known[1]

    def _count(self, p, o, event, rows, dead, marks):
        taken, raw = event
        if taken == "filtered":
            return
        timed = self.metric.timed(raw) if taken is None else taken
        if timed:
            marks[p] = max(timed[-1] / 1e6, marks.get(p, timed[-1] / 1e6))
        if taken is None:
            dead.append((p, o, raw))
            return
        key, v, u, _ = taken
        row = rows.get(key)
        if row is None:
            row = rows[key] = recount.Sum(self.metric)
        row.add(v, u)

    def size(self):
        return sum(len(p) for p in self.events.values())


def kadm(brokers, *args, stdin=None):
    deadline = time.monotonic() + 20
    while True:
        p = subprocess.run(["kadm", "-b", brokers, *[str(a) for a in args]], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if p.returncode == 0 or args[0] not in ("ends", "committed") or time.monotonic() > deadline:
            break
        time.sleep(0.2)         # a question: a broker that has just come back is asked again
    if p.returncode:
        raise Failure(f"kadm {args}: exit {p.returncode}: {p.stderr.decode(errors='replace')}")
    return p.stdout.decode()


def ends(brokers, topic):
    """{partition: (low, high)}"""
    return {int(p): (int(low), int(high)) for p, low, high in (line.split() for line in kadm(brokers, "ends", topic).splitlines())}


def leaders(brokers, topic):
    """{partition: node id}, as kcat sees it."""
    p = subprocess.run(["kcat", "-L", "-J", "-b", brokers, "-t", topic], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=20)
    return {q["partition"]: q["leader"] for t in json.loads(p.stdout)["topics"] for q in t["partitions"]}


def committed(brokers, group, topic):
    """{partition: offset} of those that have a commit."""
    out = {}
    for line in kadm(brokers, "committed", group, topic).splitlines():
        p, o = line.split()[:2]
        if o != "-":
            out[int(p)] = int(o)
    return out


def utc(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
