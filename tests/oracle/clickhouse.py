"""ClickHouse, read over HTTP: rows, markers and dead letters; positions and claims stand in a file of SQLite beside it (--positions)."""
import http.client
import json
import os
import sqlite3
import time
import urllib.request
from decimal import Decimal

from . import Failure
from .rows import Row, Snapshot, stored_key
from .values import number_text

ROWS = """select metric, toUnixTimestamp(window_start), any(dims), toString(sum(count)), toString(sum(value_count)), toString(sum(sum)), toString(min(min)),
    toString(max(max)), lower(hex(dims_hash)) from events_agg where claim = '' group by metric, window_start, dims_hash"""
SETTLED_S = 60


class ClickHouse:
    def __init__(self, port, database, positions):
        self.url, self.path = f"http://127.0.0.1:{port}/?database={database}", positions

    def sql(self, text):
        """Rows of columns."""
        request = urllib.request.Request(self.url, data=(text + " format JSONCompactEachRow").encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return [json.loads(line) for line in answer.read().decode().splitlines()]

    def do(self, text):
        with urllib.request.urlopen(urllib.request.Request(self.url, data=text.encode()), timeout=60) as answer:
            answer.read()

    def rows(self):
        out = {}
        for metric, start, dims, count, values, *numbers, dims_hash in self.sql(ROWS):
            key = stored_key(metric, start, dims)
            if key in out:
                raise Failure(f"two rows of one key: {key}")
            values = int(values) if values is not None else None
            out[key] = Row(int(count), values, *(number_text(Decimal(n)) if n is not None else None for n in numbers), dims_hash)
        return out

    def kept(self, job, sink):
        """(generation, {partition: (init, next, watermark)}, ids of open claims) of the keeper."""
        if not os.path.exists(self.path):
            return None, {}, []
        db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        try:
            db.execute("begin")
            if db.execute("select count(*) from sqlite_master where name in ('hta_pos', 'hta_claim')").fetchone()[0] != 2:
                return None, {}, []
            gen = db.execute("select generation from hta_job where job = ? and sink = ?", (job, sink)).fetchone()
            pos = {p: (a, b, m) for p, a, b, m in
                   db.execute("select partition, init, next, watermark from hta_pos where job = ? and sink = ?", (job, sink))}
            claims = [json.loads(doc.split("\n")[0]) for doc, in db.execute("select doc from hta_claim where job = ? and sink = ?", (job, sink))]
        finally:
            db.close()
        still = [c["s"] for c in claims if any(p["p"] in pos and pos[p["p"]][1] == p["init"] for p in c["pos"])]
        return gen and gen[0], pos, still

    def positions(self, job, sink):
        """{partition: (init, next)}"""
        return {p: at[:2] for p, at in self.kept(job, sink)[1].items()}

    def snapshot(self, job, sink):
        """Rows between two looks at the keeper that are equal, with no claim open: of one moment."""
        end = time.monotonic() + SETTLED_S
        while time.monotonic() < end:
            before = self.kept(job, sink)
            s = Snapshot(dead=[])
            if not before[1]:
                return s
            if not before[2]:
                try:
                    s.rows = self.rows()
                    dead = self.sql(f"select partition, record_offset, record, encoding from hta_dead final where job = '{job}' and sink = '{sink}'")
                except (OSError, http.client.HTTPException):    # it is being started again, perhaps within an answer
                    time.sleep(0.2)
                    continue
                if self.kept(job, sink) == before:
                    s.gen = before[0]
                    s.pos = {p: at[:2] for p, at in before[1].items()}
                    s.dead = [(p, int(o), r, e) for p, o, r, e in dead]
                    s.marks = {p: at[2] / 1e6 for p, at in before[1].items() if at[2] is not None}
                    return s
            time.sleep(0.05)
        raise Failure(f"ClickHouse did not come to rest in {SETTLED_S} s: {self.kept(job, sink)}")
