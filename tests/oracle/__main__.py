"""Rows of a store, of hta-window or of a recount as text, a line each (rows.py says which fields).

    python3 -m oracle recount METRIC...      events on standard input, added up; fields that a recount has not are -,
                                             uniq is the exact number. METRIC is NAME/SECONDS[:SLIDE]/DIMENSIONS/VALUE/USER,
                                             dimensions with commas, empty what it has not
    python3 -m oracle dirty METRIC...        the same of events that may be bad for some of the metrics, or for all
    python3 -m oracle window                 rows of hta-window on standard input
    python3 -m oracle held METRIC...         events on standard input; the last field of METRIC/SECONDS/DIMENSIONS/MEASURES has
                                             what is held: NAME:OPERATION:PATH[:BY] with commas
    python3 -m oracle measures               measures of rows of hta-window or hta-query on standard input, in the same lines
    python3 -m oracle pg [TABLE]             by PGHOST and so on
    python3 -m oracle sqlite FILE [TABLE]
    python3 -m oracle redis [PREFIX]         by REDIS_URL; 1 where an estimate is not PFCOUNT's
    python3 -m oracle within RECOUNT ROWS    are the estimates of the file ROWS within their error of the exact numbers of
                                             the file RECOUNT?

tests/helpers.bash has it as `oracle`."""
import base64
import json
import os
import sys
import urllib.parse

from . import Failure, held
from .pg import Pg
from .recount import Metric, recount
from .redis import Redis
from .rows import Key, Row, lines
from .sqlite import Sqlite
from .values import dims_text, loads, seconds_of_stored


def metric_of(text):
    name, seconds, by, value, user = text.split("/")
    every, _, slide = seconds.partition(":")
    return Metric(int(every), [b for b in by.split(",") if b], value or None, user or None, name,
                  int(slide) if slide else None)


def window_rows(texts):
    out = {}
    for text in texts:
        r, texts = loads(text), json.loads(text, parse_float=str, parse_int=str)
        whole = [None if r.get(f) is None else int(r[f]) for f in ("count", "value_count", "uniq")]
        sketch = base64.b64decode(r["uniq_sketch"]) if "uniq_sketch" in r else None
        key = Key(r["metric"], seconds_of_stored(r["window_start"]), dims_text(r["dims"]))
        if key in out:
            raise Failure(f"two rows of one key: {key}")
        measures = [texts.get(f) for f in ("sum", "min", "max")]
        out[key] = Row(whole[0], whole[1], *measures, r["dims_hash"], whole[2], sketch)
    return out


def redis_rows(prefix="hta"):
    url = urllib.parse.urlsplit(os.environ["REDIS_URL"])
    store = Redis(url.port, int(url.path.strip("/") or 0), prefix)
    store.check_estimates()
    return store.rows()


def within(exact, estimated):
    """Estimates within 3 %, or within 4 where there are few (registers that collide)."""
    def users(path):
        with open(path, encoding="utf-8") as f:
            split = [line.rstrip("\n").split("|") for line in f]
        return {tuple(s[:3]): int(s[9]) for s in split if len(s) > 9 and s[9] != "-"}
    want, got = users(exact), users(estimated)
    bad = [key for key, n in want.items() if key not in got or abs(got[key] - n) > max(4, n * 0.03)]
    for key in bad[:10]:
        print(f"{key}: {want[key]} users, estimated {got.get(key)}")
    return bool(bad) or not want


def main(verb="", *args):
    verbs = {
        "recount": lambda: recount([metric_of(a) for a in args], sys.stdin),
        "held": lambda: held.recount(args, sys.stdin),
        "measures": lambda: held.of_rows(sys.stdin),
        "dirty": lambda: recount([metric_of(a) for a in args], sys.stdin, dirty=True),
        "window": lambda: window_rows(sys.stdin),
        "pg": lambda: Pg().rows(*args),
        "sqlite": lambda: Sqlite(args[0]).rows(*args[1:]),
        "redis": lambda: redis_rows(*args),
    }
    if verb == "within":
        return within(*args)
    if verb not in verbs:
        print(__doc__, file=sys.stderr)
        return 64
    try:
        for text in verbs[verb]() if verb in ("held", "measures") else lines(verbs[verb]()):
            print(text)
    except (Failure, ValueError) as e:
        print(f"oracle: {e}", file=sys.stderr)
        return 1
    return 0


sys.exit(main(*sys.argv[1:]))
