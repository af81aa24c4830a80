"""first, last, arg_min and arg_max, by the manual of hta-window and by nothing of its code; and the text of a row's measures.

A number is its text here, and compared as the Decimal of it, which is exact."""
import json
from decimal import Decimal

from .recount import Metric, maybe_at
from .rows import Key
from .values import dims_text, loads, seconds_of_stored, time_text


class Number(str):
    """A number as it is written."""


RAW = json.JSONDecoder(parse_float=Number, parse_int=Number)


def order(v):
    """jq's: false < true < numbers < strings."""
    if isinstance(v, bool):
        return (int(v),)
    return (2, Decimal(v)) if isinstance(v, Number) else (3, v.encode())


def shown(v):
    return v if isinstance(v, Number) else json.dumps(v, ensure_ascii=False)


class Measure:
    """NAME:OPERATION:PATH[:BY], as in a.last:last:payload.price"""

    def __init__(self, text):
        self.name, self.op, self.path, *by = text.split(":")
        self.by = by[0] if by else None
        self.better = max if self.op in ("last", "arg_max") else min

    def candidate(self, e, us):
        """What decides, and at its end what is shown; None: there is no value."""
        v, by = maybe_at(e, self.path), maybe_at(e, self.by)
        if v is None or (self.by and by is None):
            return None
        return (order(by) if self.by else (), us, order(v), shown(v).encode(), shown(v))


def recount(metrics, lines):
    """A line a row of lines that are all good: metric|start|dims|name=value,.. METRIC is NAME/SECONDS/DIMENSIONS/MEASURE,MEASURE.."""
    rows, lines = {}, [(line, RAW.decode(line)) for line in lines]
    for metric in metrics:
        name, seconds, by, measures = metric.split("/", 3)
        metric, measures = Metric(int(seconds), [b for b in by.split(",") if b], name=name), [Measure(m) for m in measures.split(",")]
        for line, e in lines:
            key, _, _, us = metric.take(line)
            best = rows.setdefault(key, {m.name: None for m in measures})
            for m in measures:
                c = m.candidate(e, us)
                if c and (best[m.name] is None or m.better(c, best[m.name]) is c):
                    best[m.name] = c
    return texts({key: {n: c[-1] if c else "null" for n, c in best.items()} for key, best in rows.items()})


def of_rows(lines):
    """The same of rows of hta-window or hta-query."""
    rows = {}
    for line in lines:
        raw, r = RAW.decode(line), loads(line)
        if "measures" in r:
            key = Key(r["metric"], seconds_of_stored(r["window_start"]), dims_text(r["dims"]))
            rows[key] = {n: shown(v) for n, v in raw["measures"].items()}
    return texts(rows)


def texts(rows):
    return sorted("|".join([k.metric, time_text(k.start), k.dims, ",".join(f"{n}={v}" for n, v in sorted(m.items()))]) for k, m in rows.items())
