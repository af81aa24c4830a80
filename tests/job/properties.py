#!/usr/bin/env python3
"""Events, their orders and splits by chance, and rows of any store as one text: the hands of tests/job/properties.bats.

    properties.py make SEED LINES            events, by time and then a little mixed up
    properties.py order SEED SECONDS         lines of standard input, each less than SECONDS of event time from its place; -1: in any order
    properties.py deal SEED N FOLDER         lines to FOLDER/1 .. FOLDER/N, each to any of them, in their order
    properties.py recount                    lines added up by Decimal: the rows that must come out
    properties.py rows                       rows of hta-window
    properties.py sqlite FILE, pg, redis     what a store holds, the last two as JSON rows on standard input
    properties.py within RECOUNT ROWS        are the estimates of ROWS within their error of the exact counts of RECOUNT?

A row is one line: metric, start, dimensions, count, value_count, sum, min, max; then (but for recount) dims_hash, uniq and the sketch in hex, as far as the
store has them. recount has the exact number of users instead."""
import base64
import collections
import datetime
import decimal
import json
import os
import random
import sqlite3
import sys
from decimal import Decimal

decimal.getcontext().prec = 80
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
MINUTES = 12
# the options that tests/job/properties.bats gives to hta-window: metric, seconds, dimensions, value, user
METRICS = [("a", 60, ("endpoint", "status"), "v", "user"), ("b", 10, ("payload.region",), "payload.price", None), ("c", 3600, (), None, "user")]


# ---- events

def number(rng):
    """A number in one of its spellings."""
    way = rng.randrange(6)
    if way == 0:
        return str(rng.randrange(-100, 100))
    if way == 1:
        return "%d.%0*d" % (rng.randrange(1000), rng.randrange(1, 10), rng.randrange(10))
    if way == 2:
        return "%d.%012d" % (rng.randrange(10), rng.randrange(10 ** 12))  # rounded to nine decimals
    if way == 3:
        return "%s%d.%de%d" % (rng.choice(["", "-"]), rng.randrange(1, 10), rng.randrange(100), rng.randrange(-9, 12))
    if way == 4:
        return str(rng.randrange(-10 ** 18, 10 ** 18))
    return "0.1"


def when(rng, us):
    """A time in one of its spellings."""
    t = START + datetime.timedelta(microseconds=us)
    if rng.random() < 0.2:
        t = t.astimezone(datetime.timezone(datetime.timedelta(minutes=rng.choice([60, -330, 45]))))
    text = t.isoformat()
    return text if "+" in text[19:] and not text.endswith("+00:00") or "-" in text[19:] else text[:-6] + "Z"


def event(rng, us):
    parts = ['"ts":"%s"' % when(rng, us)]
    if rng.random() < 0.95:
        parts.append('"endpoint":%s' % rng.choice(['"/a"', '"/b"', '"/\\u0061"', '"caf\u00e9"', '"caf\\u00e9"', "null", '""', "true", '"200"']))
    if rng.random() < 0.95:
        parts.append('"status":%s' % rng.choice(["200", "2e2", "200.0", "404", '"404"', "-0", "0", "1e-3"]))
    if rng.random() < 0.9:
        parts.append('"v":%s' % (number(rng) if rng.random() < 0.9 else "null"))
    if rng.random() < 0.9:
        parts.append('"user":%s' % rng.choice(['"u%d"' % rng.randrange(500), str(rng.randrange(300))]))
    if rng.random() < 0.9:
        parts.append('"payload":{"price":%s,"region":"%s"}' % (number(rng), rng.choice(["eu", "us", "ap"])))
    rng.shuffle(parts)
    return "{%s}" % ",".join(parts)


def make(seed, lines):
    rng = random.Random("make %d" % seed)
    times = sorted(rng.randrange(MINUTES * 60 * 10 ** 6) for _ in range(lines))
    mixed = sorted(times, key=lambda us: us + rng.randrange(20 * 10 ** 6))
    for us in mixed:
        print(event(rng, us))


# ---- orders and splits

def time_of(line):
    t = datetime.datetime.fromisoformat(json.loads(line)["ts"].replace("Z", "+00:00"))
    return (t - START) // datetime.timedelta(microseconds=1)


def order(seed, seconds):
    rng = random.Random("order %d" % seed)
    lines = sys.stdin.readlines()
    if seconds < 0:
        rng.shuffle(lines)
    else:
        most = seconds * 10 ** 6 - 1
        lines.sort(key=lambda line: time_of(line) + rng.choice((0, rng.randint(0, most), most)))
    sys.stdout.writelines(lines)


def deal(seed, n, folder):
    rng = random.Random("deal %d" % seed)
    os.makedirs(folder)
    files = [open(os.path.join(folder, str(i + 1)), "w", encoding="utf-8") for i in range(n)]
    weights = [rng.random() + 0.05 for _ in files]
    for line in sys.stdin:
        rng.choices(files, weights)[0].write(line)


# ---- rows

def text(d):
    """A number's one text."""
    d = Decimal(d)
    return format(d.normalize(), "f") if d else "0"



def dims_text(dims):
    def one(v):
        return text(v) if isinstance(v, Decimal) else json.dumps(v, ensure_ascii=False)
    return "{%s}" % ",".join("%s:%s" % (json.dumps(k), one(dims[k])) for k in sorted(dims))


def loads(line):
    return json.loads(line, parse_float=Decimal, parse_int=Decimal)


def at(record, path):
    """The value there; KeyError: none."""
    for step in path.split("."):
        if not isinstance(record, dict):
            raise KeyError(path)
        record = record[step]
    return record


def recount():
    rows = {}
    for line in sys.stdin:
        record = loads(line)
        us = time_of(line)
        for metric, every, by, value, user in METRICS:
            dims = {}
            for path in by:
                try:
                    dims[path] = at(record, path)
                except KeyError:
                    pass
            start = us // (every * 10 ** 6) * every
            key = (metric, start, dims_text(dims))
            row = rows.setdefault(key, {"count": 0, "values": [], "users": set(), "has": (value, user)})
            row["count"] += 1
            try:
                v = at(record, value) if value else None
            except KeyError:
                v = None
            if v is not None:
                row["values"].append(v.quantize(Decimal("1e-9"), decimal.ROUND_HALF_EVEN))
            if user and record.get("user") is not None:
                u = record["user"]
                row["users"].add(text(u) if isinstance(u, Decimal) else u)
    for (metric, start, dims), row in sorted(rows.items()):
        v, (value, user) = row["values"], row["has"]
        measures = [str(len(v)) if value else "-"] + ([text(f(v)) for f in (sum, min, max)] if v else ["-"] * 3)
        stamp = (START + datetime.timedelta(seconds=start)).strftime("%Y-%m-%dT%H:%M:%SZ")
        print("|".join([metric, stamp, dims, str(row["count"])] + measures + [str(len(row["users"])) if user else "-"]))


def show(rows):
    out = []
    for r in rows:
        def measure(name):
            return "-" if r.get(name) in (None, "") else text(r[name])
        out.append("|".join([r["metric"], r["window_start"], dims_text(loads(r["dims"]) if isinstance(r["dims"], str) else r["dims"])] +
                            [measure(m) for m in ("count", "value_count", "sum", "min", "max")] +
                            [r["dims_hash"], measure("uniq")] + ([r["sketch"] or "-"] if "sketch" in r else [])))
    for line in sorted(out):
        print(line)


def rows():
    def one(line):
        r = loads(line)
        r["sketch"] = base64.b64decode(r["uniq_sketch"]).hex() if "uniq_sketch" in r else None
        return r
    show(map(one, sys.stdin))


def stored():
    """JSON rows of Postgres or Redis; their sketches have other forms."""
    show(map(loads, sys.stdin))


def sqlite(path):
    db = sqlite3.connect(path)
    db.row_factory = sqlite3.Row
    show(dict(r) for r in db.execute("select *, lower(hex(uniq_sketch)) as sketch from hta_rollups"))


def within(exact, estimated):
    """Estimates within 3 %, or within 4 where there are few."""
    def users(path, field):
        with open(path, encoding="utf-8") as f:
            split = [line.rstrip("\n").split("|") for line in f]
        return {tuple(s[:3]): s[field] for s in split if s[field] != "-"}
    want, got, bad = users(exact, 8), users(estimated, 9), collections.Counter()
    for key, n in want.items():
        if abs(int(got.get(key, "-1000")) - int(n)) > max(4, int(n) * 0.03):
            bad[key] = n
            print("%s: %s users, estimated %s" % (key, n, got.get(key)))
    return bool(bad) or not want


def main(verb, *args):
    if verb in ("make", "order"):
        {"make": make, "order": order}[verb](int(args[0]), int(args[1]))
    elif verb == "deal":
        deal(int(args[0]), int(args[1]), args[2])
    elif verb == "within":
        return within(*args)
    else:
        {"recount": recount, "rows": rows, "sqlite": sqlite, "pg": stored, "redis": stored}[verb](*args)
    return 0


sys.exit(main(*sys.argv[1:]))
