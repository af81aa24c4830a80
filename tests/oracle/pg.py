"""Postgres, read with psql; uniq_sketch is bytea or hll."""
import json
import subprocess

from . import Failure
from .rows import Row, Snapshot, stored_key

ROWS = """(select json_agg(json_build_array(metric, extract(epoch from window_start)::bigint, dims::text, count, value_count,
    sum::text, min::text, max::text, dims_hash, uniq, uniq_sketch::text)) from %s)"""


def psql(argv, text, check=True):
    """What psql printed; None where it failed and check is False. argv: where to, otherwise PGHOST and so on."""
    p = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *argv, "-c", text], stdin=subprocess.DEVNULL,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if p.returncode and check:
        raise Failure(f"psql: {p.stderr}\n{text[:200]}")
    return p.stdout if not p.returncode else None


class Pg:
    def __init__(self, *argv):
        self.argv = argv

    def sql(self, text, check=True):
        return psql(self.argv, text, check)

    def there(self):
        return self.sql("select to_regclass('hta_pos') is not null and to_regclass('hta_rollups') is not null").strip() == "t"

    def rows(self, table="hta_rollups"):
        return rows_of(json.loads(self.sql("select " + ROWS % table) or "null"))

    def positions(self, job, sink):
        """{partition: (init, next)}"""
        out = self.sql(f"select partition, init, next from hta_pos where job = '{job}' and sink = '{sink}'") if self.there() else ""
        return {p: (a, b) for p, a, b in ([int(x) for x in line.split("|")] for line in out.splitlines())}

    def snapshot(self, job, sink):
        s = Snapshot(dead=[])
        if not self.there():
            return s
        mine = f"job = '{job}' and sink = '{sink}'"
        # one statement, one snapshot
        t = json.loads(self.sql(f"""select json_build_object(
            'gen', (select generation from hta_job where {mine}),
            'pos', (select json_agg(array[partition, init, next, extract(epoch from watermark)::text::numeric]) from hta_pos where {mine}),
            'rows', {ROWS % 'hta_rollups'},
            'dead', (select json_agg(json_build_array(partition, record_offset, record, encoding)) from hta_dead where {mine}))"""))
        s.gen = t["gen"]
        for p, init, at, mark in t["pos"] or []:
            s.pos[int(p)] = (int(init), int(at))
            if mark is not None:
                s.marks[int(p)] = float(mark)
        s.rows = rows_of(t["rows"])
        s.dead = [tuple(d) for d in t["dead"] or []]
        return s


def rows_of(fields):
    out = {}
    for metric, start, dims, *measures, sketch in fields or []:
        key = stored_key(metric, start, dims)
        if key in out:
            raise Failure(f"two rows of one key: {key}")
        out[key] = Row(*measures, bytes.fromhex(sketch[2:]) if sketch else None)
    return out
