"""Rows of a view against rows of hta-query, to 1e-12: views.py [--null NAME,..] VIEW QUERY, both files of JSON objects.

Names given with --null must be there in the view, and null. Exit 0: each row of the one is in the other, with the same
numbers under the same names, and there is one at least.

views.py --events FROM TO SECONDS [FROM TO SECONDS..] prints events for it, of times in UTC."""
import datetime
import json
import math
import sys


def numbers(row):
    """What a row has under the names that a view has."""
    out = {k: row[k] for k in ("count", "value_count", "sum", "min", "max", "uniq") if k in row}
    if "sum" in row:
        out["avg"] = None if row["sum"] is None else row["sum"] / row["value_count"]
    for name, value in row.get("measures", {}).items():
        out[name + "_" if name in out else name] = value
    return out


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def plain(value):
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value


def same(a, b):
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return math.isclose(a, b, rel_tol=1e-12)
    return a == b


def key(row):
    return instant(row["window_start"]), instant(row["window_end"]), row["dims_hash"]


def lines(name):
    text = open(name).read()
    return json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]


def compare(null, view, query):
    got = {key(row): row for row in lines(view)}
    want = {key(row): row for row in lines(query)}
    assert got and len(got) == len(lines(view)), "no rows, or a key twice"
    assert got.keys() == want.keys(), sorted(got.keys() ^ want.keys())[:4]
    for k, row in got.items():
        w = numbers(want[k])
        for name in null:
            assert row[name] is None, (k, name, row[name])
            w.pop(name, None)
        for name, value in w.items():
            assert name in row and same(plain(row[name]), value), (k, name, row.get(name), value)
        assert plain(row["dims"]) == want[k]["dims"], (k, row["dims"])
        others = row.keys() - w.keys() - {*null, "window_start", "window_end", "dims", "dims_hash"}
        for name in others:
            assert name in row and text(want[k]["dims"].get(name)) == row[name], (k, name, row[name])


def text(value):
    return value if value is None or isinstance(value, str) else json.dumps(value)


def events(ranges):
    n = 0
    for start, end, seconds in ranges:
        at = instant(start)
        while at < instant(end):
            x = None if n % 7 == 0 else (n * n % 977 - 30) / 8 + 0.001
            print(json.dumps({"ts": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "region": "abc"[n * 5 % 11 % 3], "ok": n % 5 > 0, "x": x, "user": n % 50}))
            n += 1
            at += datetime.timedelta(seconds=int(seconds))


if sys.argv[1] == "--events":
    events(zip(sys.argv[2::3], sys.argv[3::3], sys.argv[4::3]))
else:
    null = sys.argv[2].split(",") if sys.argv[1] == "--null" else []
    compare(null, *sys.argv[-2:])
