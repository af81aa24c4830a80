"""A topic as it is, read with kcat, and an independent recount of it.

A record that was seen once is remembered: compaction and retention may take it away later, the stores still count it."""
import decimal
import json
import subprocess
import threading
import time
from datetime import datetime, timezone
from decimal import Decimal

from oracle.sketch import Registers
from tap import Failure

decimal.getcontext().prec = 60
MOST = Decimal(10) ** 20
NINE = Decimal("1e-9")


def canonical(d):
    """No exponent, no needless zeros: 12, -0.5."""
    text = format(d, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


class Metric:
    """What hta-window is told, and the same in Python."""

    def __init__(self, every_s=300, by=("endpoint", "status"), value="latency_ms", uniq=None):
        self.every_s, self.by, self.value, self.uniq = every_s, by, value, uniq

    def argv(self):
        a = ["hta-window", "--every", f"{self.every_s}s", "--by", ",".join(self.by)]
        if self.value:
            a += ["--value", self.value]
        if self.uniq:
            a += ["--uniq", self.uniq]
        return a

    def take(self, raw):
        """(key, value, uniq, time), or None where the record is a dead letter."""
        try:
            e = json.loads(raw.decode("utf-8"), parse_float=Decimal, parse_int=Decimal)
        except ValueError:
            return None
        if not isinstance(e, dict) or not isinstance(e.get("ts"), str):
            return None
        try:
            t = datetime.fromisoformat(e["ts"].replace("Z", "+00:00")).timestamp()
        except ValueError:
            return None
        v = e.get(self.value) if self.value else None
        if v is not None:
            if not isinstance(v, Decimal) or abs(v) > MOST:
                return None
            v = v.quantize(NINE, decimal.ROUND_HALF_EVEN)
        dims = tuple((b, canonical(e[b]) if isinstance(e[b], Decimal) else e[b]) for b in sorted(self.by) if b in e)
        u = e.get(self.uniq) if self.uniq else None
        return (int(t // self.every_s) * self.every_s, dims), v, u, t


class Row:
    __slots__ = ("count", "values", "sum", "min", "max", "uniq")

    def __init__(self):
        self.count = self.values = 0
        self.sum = Decimal(0)
        self.min = self.max = self.uniq = None

    def add(self, v, u):
        self.count += 1
        if v is not None:
            self.values += 1
            self.sum += v
            self.min = v if self.min is None or v < self.min else self.min
            self.max = v if self.max is None or v > self.max else self.max
        if u is not None:
            self.uniq = self.uniq or Registers()
            self.uniq.add(u)

    def text(self):
        if not self.values:
            return (self.count, self.values, None, None, None)
        return (self.count, self.values, canonical(self.sum), canonical(self.min), canonical(self.max))


class Log:
    """events[partition][offset] = what Metric.take made of it."""

    def __init__(self, brokers, topic, metric):
        self.brokers, self.topic, self.metric = brokers, topic, metric
        self.events = {}
        self.end = {}                   # partition -> after the last record that was seen
        self.known = (None, None)       # the last recount, and of what
        self.lock = threading.Lock()

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
        """Rows, dead letters and watermarks of {partition: [(from, to), ...]}."""
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
        if taken is None:
            dead.append((p, o, raw))
            return
        key, v, u, t = taken
        marks[p] = max(t, marks.get(p, t))
        row = rows.get(key)
        if row is None:
            row = rows[key] = Row()
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
