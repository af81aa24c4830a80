#!/usr/bin/env python3
"""Events, their orders and splits by chance: the hands of tests/job/properties.bats.

    properties.py make SEED LINES            events, by time and then a little mixed up
    properties.py dirty SEED LINES           the same, many with something that is bad for whoever asks for it, some bad for all
    properties.py order SEED SECONDS         lines of standard input, each less than SECONDS of event time from its place; -1: in any order
    properties.py deal SEED N FOLDER         lines to FOLDER/1 .. FOLDER/N, each to any of them, in their order
"""
import datetime
import json
import os
import random
import sys

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
MINUTES = 12


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


DIRT = (
    ("endpoint", ('[1]', '{"a":1}', '"\\ud800"', '"a\\u0000b"', '"/ok"')),
    ("status", ('[]', '{}', '"\\udc00x"')),
    ("v", ('"fast"', 'true', '1e21', '[5]', '20000000000', '{}')),
    ("user", ('[]', '{"id":5}', '"\\udfff"')),
    ("payload", ('{"price":"much","region":"eu"}', '{"price":1,"region":[]}', '7', '{"region":{},"price":{}}')),
    ("ts", ('null', '"yesterday"', '"1969-12-31T23:59:59Z"')),
)


def dirty(seed, lines):
    """Of equal members the last one holds."""
    rng = random.Random("dirty %d" % seed)
    us = 0
    for _ in range(lines):
        us += rng.randrange(2 * MINUTES * 60 * 10 ** 6 // lines)
        line = event(rng, max(0, us - rng.choice((0, 0, 0, rng.randrange(90 * 10 ** 6)))))
        for name, values in DIRT:
            if rng.random() < (0.02 if name == "ts" else 0.08):
                line = '%s,"%s":%s}' % (line[:-1], name, rng.choice(values))
        print(line if rng.random() > 0.02 else rng.choice((line[:-1], "Traceback:", "[]")))


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


def main(verb, *args):
    if verb in ("make", "dirty", "order"):
        {"make": make, "dirty": dirty, "order": order}[verb](int(args[0]), int(args[1]))
    else:
        deal(int(args[0]), int(args[1]), args[2])


main(*sys.argv[1:])
