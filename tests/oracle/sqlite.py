"""SQLite, read in one transaction."""
import os
import sqlite3

from . import Failure
from .rows import Row, Snapshot, stored_key
from .values import seconds_of_stored

ROWS = "select metric, window_start, dims, count, value_count, sum, min, max, dims_hash, uniq, uniq_sketch from "


class Sqlite:
    def __init__(self, path):
        self.path = path

    def open(self):
        return sqlite3.connect(self.path, timeout=60, isolation_level=None)

    def _read(self, empty, read):
        """What read(db) says in one transaction; `empty` where there is no file or no table yet."""
        if not os.path.exists(self.path):
            return empty
        db = self.open()
        try:
            db.execute("begin")
            names = db.execute("select count(*) from sqlite_master where name in ('hta_pos', 'hta_rollups')").fetchone()
            return read(db) if names[0] == 2 else empty
        finally:
            db.close()

    def rows(self, table="hta_rollups"):
        db = self.open()
        try:
            return rows_of(db.execute(ROWS + table))
        finally:
            db.close()

    def positions(self, job, sink):
        """{partition: (init, next)}"""
        def read(db):
            asked = db.execute("select partition, init, next from hta_pos where job = ? and sink = ?", (job, sink))
            return {p: (a, b) for p, a, b in asked}
        return self._read({}, read)

    def snapshot(self, job, sink):
        s, mine = Snapshot(dead=[]), (job, sink)

        def read(db):
            for (s.gen,) in db.execute("select generation from hta_job where job = ? and sink = ?", mine):
                pass
            for p, init, at, mark in db.execute("select partition, init, next, watermark from hta_pos where job = ? and sink = ?", mine):
                s.pos[p] = (init, at)
                if mark is not None:
                    s.marks[p] = mark / 1e6
            s.rows = rows_of(db.execute(ROWS + "hta_rollups"))
            s.dead = list(db.execute("select partition, record_offset, record, encoding from hta_dead where job = ? and sink = ?", mine))
            return s
        return self._read(s, read)


def rows_of(fields):
    out = {}
    for metric, start, dims, *measures, sketch in fields:
        key = stored_key(metric, seconds_of_stored(start), dims)
        if key in out:
            raise Failure(f"two rows of one key: {key}")
        out[key] = Row(*measures, sketch)
    return out
