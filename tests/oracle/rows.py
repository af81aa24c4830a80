"""Rows and snapshots of any store in one form, and their text.

A row's text is one line: metric|start|dims|count|value_count|sum|min|max|dims_hash|uniq|registers|sketch. registers is a
digest of what the sketch says, the same for all stores; sketch is the stored bytes in hex; - stands for what is not there."""
from typing import NamedTuple, Optional

from .sketch import digest
from .values import dims_of_stored, time_text


class Key(NamedTuple):
    metric: str
    start: int          # seconds since 1970
    dims: str           # dims_text()


class Row(NamedTuple):
    """The numbers are the stored texts, as they are."""
    count: int
    values: Optional[int]
    sum: Optional[str]
    min: Optional[str]
    max: Optional[str]
    dims_hash: Optional[str] = None
    uniq: Optional[int] = None          # the stored estimate; of a recount the exact number
    sketch: Optional[bytes] = None

    def measures(self):
        return self[:5]


class Snapshot:
    """gen, pos {partition: (init, next)}, marks {partition: seconds}, rows {Key: Row}, dead [(partition, offset, record,
    encoding)] or None where the store has no dead letters."""

    def __init__(self, dead=None):
        self.gen = None
        self.pos, self.marks, self.rows = {}, {}, {}
        self.dead = dead


def stored_key(metric, start, dims):
    """start in seconds, dims as the store's text."""
    return Key(metric, int(start), dims_of_stored(dims))


def line(key, row):
    def shown(v):
        return "-" if v is None else str(v)
    fields = [key.metric, time_text(key.start), key.dims] + [shown(v) for v in row[:7]]
    return "|".join(fields + ([digest(row.sketch), row.sketch.hex()] if row.sketch else ["-", "-"]))


def lines(rows):
    return sorted(line(k, r) for k, r in rows.items())
