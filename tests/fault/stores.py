"""The three stores as they are, each read in one snapshot, and compared with a recount of what their positions say they hold.

That is I1, I3 and I5 in one: state = the recount of [init, next) of every partition, at any moment, whatever has happened before."""
import json
import os
import sqlite3
import subprocess
from datetime import datetime
from functools import lru_cache

from oracle.sketch import decode
from log import utc
from servers import Resp
from tap import Failure, Mismatch, wait_until


class Snapshot:
    """gen, pos {partition: (init, next)}, marks {partition: seconds}, rows {key: (count, values, sum, min, max)}, sketches {key: bytes},
    uniq {key: estimate}, dead [(partition, offset, record, encoding)] or None"""

    def __init__(self):
        self.gen = None
        self.pos, self.marks, self.rows, self.sketches, self.uniq = {}, {}, {}, {}, {}
        self.dead = None
        self.index = None       # redis: {key: score}

    def row(self, start, dims, count, values, sum_, low, high):
        key = (start, dims_of_text(dims) if isinstance(dims, str) else dims_key(dims))
        if key in self.rows:
            raise Mismatch(f"two rows of one key: {key}")
        self.rows[key] = (count, values, sum_, low, high)
        return key


@lru_cache(maxsize=1 << 16)
def dims_of_text(text):
    return dims_key(json.loads(text, parse_float=str, parse_int=str))


def dims_key(d):
    return tuple(sorted((k, str(v) if isinstance(v, (int, float)) and not isinstance(v, bool) else v) for k, v in d.items()))


@lru_cache(maxsize=1 << 12)
def seconds(text):
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Store:
    claims = True

    def __init__(self, name, job):
        self.name, self.job = name, job
        self.copied = False

    def positions(self):
        """{partition: (init, next)}"""
        raise NotImplementedError

    def alone(self):
        return True


class Pg(Store):
    kind = "pg"

    def __init__(self, servers, db, job, name="pg", proxied=True):
        super().__init__(name, job)
        self.servers, self.db, self.proxied = servers, db, proxied
        self.sql(f"create database {db}", "postgres")

    def argv(self, init=True):
        port = self.servers.proxy("pg").port if self.proxied else self.servers.port("pg")
        return ["hta-sink-pg", "--name", self.name] + (["--init"] if init else []) + [f"host=127.0.0.1 port={port} user=hta dbname={self.db}"]

    def sql(self, text, db=None, check=True):
        p = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.servers.port("pg")), "-U", "hta", "-d",
                            db or self.db, "-c", text], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        if p.returncode and check:
            raise Failure(f"psql: {p.stderr}\n{text[:200]}")
        return p.stdout if not p.returncode else None

    def there(self):
        return self.sql("select to_regclass('hta_pos') is not null and to_regclass('hta_rollups') is not null").strip() == "t"

    def snapshot(self):
        s = Snapshot()
        s.dead = []
        if not self.there():
            return s
        mine = f"job = '{self.job}' and sink = '{self.name}'"
        # one statement, one snapshot
        t = json.loads(self.sql(f"""set timezone = 'UTC'; select json_build_object(
            'gen', (select generation from hta_job where {mine}),
            'pos', (select json_agg(array[partition, init, next, extract(epoch from watermark)::text::numeric]) from hta_pos where {mine}),
            'rows', (select json_agg(json_build_array(extract(epoch from window_start)::bigint, dims, count, value_count, sum::text, min::text, max::text,
                uniq, encode(uniq_sketch, 'base64'))) from hta_rollups where metric = 'events'),
            'dead', (select json_agg(json_build_array(partition, record_offset, record, encoding)) from hta_dead where {mine}))"""), parse_float=float)
        s.gen = t["gen"]
        for p, init, at, mark in t["pos"] or []:
            s.pos[int(p)] = (int(init), int(at))
            if mark is not None:
                s.marks[int(p)] = float(mark)
        for start, dims, count, values, sum_, low, high, uniq, sketch in t["rows"] or []:
            key = s.row(start, dims, count, values, sum_, low, high)
            if uniq is not None:
                s.uniq[key] = uniq
                s.sketches[key] = sketch
        s.dead = [tuple(d) for d in t["dead"] or []]
        return s

    def positions(self):
        out = self.sql(f"select partition, init, next from hta_pos where job = '{self.job}' and sink = '{self.name}'") if self.there() else ""
        return {p: (a, b) for p, a, b in ([int(x) for x in line.split("|")] for line in out.splitlines())}

    def empty(self):
        self.sql("truncate hta_job, hta_pos, hta_metric, hta_dead, hta_rollups")

    def copy(self, name):
        self.insist(f"create database {self.db}_{name} template {self.db}")

    def restore(self, name):
        """Changed for the copy in one step: nobody finds no database."""
        self.sql(f"create database {self.db}_new template {self.db}_{name}", "postgres")
        self.insist(f"alter database {self.db} rename to {self.db}_gone; alter database {self.db}_new rename to {self.db}")
        self.sql(f"drop database {self.db}_gone with (force)", "postgres")

    def insist(self, text):
        """What nobody must be connected for: whoever is is thrown out, and let in again behind it."""
        def done():
            self.alone()
            return self.sql(text, "postgres", check=False) is not None
        if self.proxied:
            self.servers.proxy("pg").refuse()
        try:
            wait_until(30, text, done)
        finally:
            if self.proxied:
                self.servers.proxy("pg").refuse(False)

    def alone(self):
        """Ends what is under way for pipelines that are dead; True when there is nothing any more."""
        return self.sql(f"select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = '{self.db}'", "postgres").strip() == "0"

    def drop(self):
        for end in ("", "_old"):
            self.sql(f"drop database if exists {self.db}{end} with (force)", "postgres", check=False)


class Sqlite(Store):
    kind = "sqlite"

    def __init__(self, path, job, name="sqlite"):
        super().__init__(name, job)
        self.path = path

    def argv(self, init=True):
        return ["hta-sink-sqlite", "--name", self.name] + (["--init"] if init else []) + [self.path]

    def open(self):
        return sqlite3.connect(self.path, timeout=20, isolation_level=None)

    def snapshot(self):
        s = Snapshot()
        s.dead = []
        if not os.path.exists(self.path):
            return s
        db = self.open()
        try:
            db.execute("begin")
            if db.execute("select count(*) from sqlite_master where name in ('hta_pos', 'hta_rollups')").fetchone()[0] < 2:
                return s
            mine = (self.job, self.name)
            for (s.gen,) in db.execute("select generation from hta_job where job = ? and sink = ?", mine):
                pass
            for p, init, at, mark in db.execute("select partition, init, next, watermark from hta_pos where job = ? and sink = ?", mine):
                s.pos[p] = (init, at)
                if mark is not None:
                    s.marks[p] = mark / 1e6
            for start, dims, count, values, sum_, low, high, uniq, sketch in db.execute(
                    "select window_start, dims, count, value_count, sum, min, max, uniq, uniq_sketch from hta_rollups where metric = 'events'"):
                key = s.row(int(seconds(start)), dims, count, values, sum_, low, high)
                if uniq is not None:
                    s.uniq[key] = uniq
                    s.sketches[key] = sketch
            s.dead = list(db.execute("select partition, record_offset, record, encoding from hta_dead where job = ? and sink = ?", mine))
            return s
        finally:
            db.close()

    def positions(self):
        if not os.path.exists(self.path):
            return {}
        db = self.open()
        try:
            return {p: (a, b) for p, a, b in db.execute("select partition, init, next from hta_pos where job = ? and sink = ?", (self.job, self.name))}
        except sqlite3.OperationalError:        # no such table yet
            return {}
        finally:
            db.close()

    def empty(self):
        db = self.open()
        db.executescript("begin immediate; delete from hta_job; delete from hta_pos; delete from hta_metric; delete from hta_dead; delete from hta_rollups; commit")
        db.close()

    def copy(self, name):
        db, to = self.open(), sqlite3.connect(self.path + "." + name)
        db.backup(to)
        to.close()
        db.close()

    def restore(self, name):
        db, source = self.open(), sqlite3.connect(self.path + "." + name)
        source.backup(db)
        source.close()
        db.close()

    def drop(self):
        for end in ("", "-wal", "-shm"):
            if os.path.exists(self.path + end):
                os.unlink(self.path + end)


REDIS_SNAPSHOT = """
local out = {}
for _, k in ipairs(redis.call('KEYS', '{hta}:*')) do
  local t = redis.call('TYPE', k).ok
  if t == 'hash' then out[#out + 1] = {k, redis.call('HGETALL', k)}
  elseif t == 'zset' then out[#out + 1] = {k, redis.call('ZRANGE', k, 0, -1, 'WITHSCORES')} end
end
return cjson.encode(out)"""


class Redis(Store):
    kind = "redis"
    claims = False

    def __init__(self, servers, number, job, name="redis", proxied=True):
        super().__init__(name, job)
        self.servers, self.number, self.proxied = servers, number, proxied
        self.drop()

    def argv(self, init=True):
        port = self.servers.proxy("redis").port if self.proxied else self.servers.port("redis")
        return ["hta-sink-redis", "--name", self.name, "--ttl", "never"] + (["--init"] if init else []) + [f"redis://127.0.0.1:{port}/{self.number}"]

    def client(self):
        return Resp(self.servers.port("redis"), self.number)

    def snapshot(self):
        s = Snapshot()
        s.index = {}
        c = self.client()
        got = json.loads(c("EVAL", REDIS_SNAPSHOT, 0))
        c.close()
        for key, flat in got:
            kind = key.split(":")[1]
            if kind == "i":
                continue
            h = dict(zip(flat[::2], flat[1::2]))
            if kind == "r":
                at = s.row(int(seconds(h["window_start"])), h["dims"], int(h["count"]), int(h.get("value_count", 0)), h.get("sum"), h.get("min"), h.get("max"))
                s.index[":".join(key.split(":")[2:])] = int(h["count"])
                if "uniq" in h:
                    s.uniq[at] = int(h["uniq"])
            elif key == f"{{hta}}:job:{self.job}:{self.name}":
                s.gen = h["generation"]
            elif key == f"{{hta}}:pos:{self.job}:{self.name}":
                for p, f in self._positions(h):
                    s.pos[p] = (int(f[0]), int(f[1]))
                    if f[5] != "-":
                        s.marks[p] = int(f[5]) / 1e6
        for key, flat in got:
            if key.split(":")[1] != "i":
                continue
            for member, score in zip(flat[::2], flat[1::2]):
                if s.index.pop(":".join(key.split(":")[2:]) + ":" + member, None) != int(float(score)):
                    raise Mismatch(f"redis: {key} has {member} with {score}, its row says otherwise")
        if s.index:
            raise Mismatch(f"redis: {len(s.index)} rows are not in their window's index, such as {next(iter(s.index))}")
        return s

    @staticmethod
    def _positions(h):
        return [(int(where.rsplit("/", 1)[1]), text.split()) for where, text in h.items()]

    def positions(self):
        c = self.client()
        flat = [x.decode() for x in c("HGETALL", f"{{hta}}:pos:{self.job}:{self.name}")]
        c.close()
        return {p: (int(f[0]), int(f[1])) for p, f in self._positions(dict(zip(flat[::2], flat[1::2])))}

    def empty(self):
        c = self.client()
        c("FLUSHDB")
        c.close()

    def copy(self, name):
        """Within Redis: the whole number, to another one."""
        self._copy(self.number, self._other(name))

    def restore(self, name):
        self._copy(self._other(name), self.number)

    def _other(self, name):
        return 256 + (self.number + sum(name.encode())) % 256

    def _copy(self, source, to):
        c = Resp(self.servers.port("redis"))
        # one transaction: nobody sees half of it
        for command in (("MULTI",), ("SELECT", to), ("FLUSHDB",), ("SELECT", source),
                        ("EVAL", "for _, k in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', k, k, 'DB', ARGV[1]) end", 0, to), ("EXEC",)):
            answer = c(*command)
        c.close()
        if answer is None:
            raise Failure("redis: the copy was not made")

    def alone(self):
        c = self.client()
        others = [line for line in c("CLIENT", "LIST").decode().splitlines() if " cmd=client" not in line]
        c.close()
        return not others

    def drop(self):
        self.empty()


def compare(store, snap, log, lost=None, whole=None):
    """Raises where the store is not the recount of what its positions say. lost: {partition: [(from, to)]} that were booked as lost.
    whole: {partition: end}: it must stand there."""
    ranges = {}
    for p, (init, at) in snap.pos.items():
        spans, a = [], init
        for lo, hi in sorted((lost or {}).get(p, [])):
            if a < lo:
                spans.append((a, min(lo, at)))
            a = max(a, hi)
        if a < at:
            spans.append((a, at))
        ranges[p] = spans
    rows, dead, marks = log.recount(ranges)
    wrong = []
    if whole is not None and {p: at for p, (_, at) in snap.pos.items()} != whole:
        wrong.append(f"positions {({p: at for p, (_, at) in snap.pos.items()})}, the log's ends {whole}")
    for key in sorted(set(rows) | set(snap.rows), key=str):
        want = rows[key].text() if key in rows else None
        have = snap.rows.get(key)
        if want != have:
            wrong.append(f"{utc(key[0])} {dict(key[1])}: wanted {want}, has {have}")
    if snap.dead is not None:
        want = [(p, o) for p, o, _ in dead]
        have = sorted((p, o) for p, o, _, _ in snap.dead)
        if want != have:
            wrong.append(f"dead letters: missing {sorted(set(want) - set(have))[:10]}, too many {sorted(set(have) - set(want))[:10]}, "
                         f"twice {[d for d in set(have) if have.count(d) > 1][:10]}")
    for p, m in snap.marks.items():
        if abs(m - marks.get(p, -1)) > 0.0005:
            wrong.append(f"watermark of partition {p}: {m}, wanted {marks.get(p)}")
    if log.metric.uniq:
        for key, sketch in snap.sketches.items():
            if key in rows and decode(sketch) != (rows[key].uniq or {}):
                wrong.append(f"{utc(key[0])} {dict(key[1])}: its sketch is another one")
    if wrong:
        raise Mismatch(f"{store.name} ({store.kind}, generation {snap.gen}) is not the recount of its positions {snap.pos}:\n"
                      + "\n".join(wrong[:20]) + (f"\n... and {len(wrong) - 20} more" if len(wrong) > 20 else ""))
    return rows
