"""The three stores as they are, each read in one snapshot, and compared with a recount of what their positions say they hold.

That is I1, I3 and I5 in one: state = the recount of [init, next) of every partition, at any moment, whatever has happened before."""
import os
import sqlite3

import oracle.pg
import oracle.redis
import oracle.sqlite
from log import utc
from oracle import Failure, Mismatch
from oracle.sketch import decode
from tap import wait_until


class Store:
    shard = None                # (I, N): it has the rows whose dimensions fall to it

    def __init__(self, name, job, reader):
        self.name, self.job, self.reader = name, job, reader
        self.copied = False

    def snapshot(self):
        return self.reader.snapshot(self.job, self.name)

    def positions(self):
        """{partition: (init, next)}"""
        return self.reader.positions(self.job, self.name)

    def alone(self):
        return True


class Pg(Store):
    kind = "pg"

    def __init__(self, servers, db, job, name="pg", proxied=True):
        super().__init__(name, job, oracle.pg.Pg(*self.to(servers, db)))
        self.servers, self.db, self.proxied = servers, db, proxied
        self.sql(f"create database {db}", "postgres")

    @staticmethod
    def to(servers, db):
        return ["-h", "127.0.0.1", "-p", str(servers.port("pg")), "-U", "hta", "-d", db]

    def argv(self, init=True):
        port = self.servers.proxy("pg").port if self.proxied else self.servers.port("pg")
        return ["hta-sink-pg", "--name", self.name] + (["--init"] if init else []) + [f"host=127.0.0.1 port={port} user=hta dbname={self.db}"]

    def sql(self, text, db=None, check=True):
        return oracle.pg.psql(self.to(self.servers, db or self.db), text, check)

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
            wait_until(60, text, done)
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
        super().__init__(name, job, oracle.sqlite.Sqlite(path))
        self.path = path

    def argv(self, init=True):
        return ["hta-sink-sqlite", "--name", self.name] + (["--init"] if init else []) + [self.path]

    def empty(self):
        db = self.reader.open()
        db.executescript("begin immediate; delete from hta_job; delete from hta_pos; delete from hta_metric; delete from hta_dead; delete from hta_rollups; commit")
        db.close()

    def copy(self, name):
        db, to = self.reader.open(), sqlite3.connect(self.path + "." + name)
        db.backup(to)
        to.close()
        db.close()

    def restore(self, name):
        db, source = self.reader.open(), sqlite3.connect(self.path + "." + name)
        source.backup(db)
        source.close()
        db.close()

    def drop(self):
        for end in ("", "-wal", "-shm"):
            if os.path.exists(self.path + end):
                os.unlink(self.path + end)


class Redis(Store):
    kind = "redis"

    def __init__(self, servers, number, job, name="redis", proxied=True):
        super().__init__(name, job, oracle.redis.Redis(servers.port("redis"), number))
        self.servers, self.number, self.proxied = servers, number, proxied
        self.drop()

    def argv(self, init=True):
        port = self.servers.proxy("redis").port if self.proxied else self.servers.port("redis")
        return ["hta-sink-redis", "--name", self.name, "--ttl", "never"] + (["--init"] if init else []) + [f"redis://127.0.0.1:{port}/{self.number}"]

    def empty(self):
        c = self.reader.client()
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
        c = oracle.redis.Resp(self.servers.port("redis"))
        # one transaction: nobody sees half of it
        for command in (("MULTI",), ("SELECT", to), ("FLUSHDB",), ("SELECT", source),
                        ("EVAL", "for _, k in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', k, k, 'DB', ARGV[1]) end", 0, to), ("EXEC",)):
            answer = c(*command)
        c.close()
        if answer is None:
            raise Failure("redis: the copy was not made")

    def alone(self):
        c = self.reader.client()
        others = [line for line in c("CLIENT", "LIST").decode().splitlines() if f" db={self.number} " in line and " cmd=client" not in line]
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
    log.hash_of.update((key.dims, row.dims_hash) for key, row in snap.rows.items() if row.dims_hash)
    if store.shard:
        i, n = store.shard
        # of dimensions that no store has nobody knows the hash: the store beside, which has all, misses them
        rows = {k: r for k, r in rows.items() if k.dims in log.hash_of and int(log.hash_of[k.dims][:8], 16) % n == i - 1}
        dead = dead if i == 1 else []
    stored = {key: row for key, row in snap.rows.items() if key.metric == log.metric.name}
    wrong = []
    if whole is not None and {p: at for p, (_, at) in snap.pos.items()} != whole:
        wrong.append(f"positions {({p: at for p, (_, at) in snap.pos.items()})}, the log's ends {whole}")
    for key in sorted(set(rows) | set(stored)):
        want = rows[key].row().measures() if key in rows else None
        have = stored[key].measures() if key in stored else None
        if want != have:
            wrong.append(f"{utc(key.start)} {key.dims}: wanted {want}, has {have}")
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
        for key, row in stored.items():
            if row.sketch and key in rows and decode(row.sketch) != rows[key].registers():
                wrong.append(f"{utc(key.start)} {key.dims}: its sketch is another one")
    if wrong:
        raise Mismatch(f"{store.name} ({store.kind}, generation {snap.gen}) is not the recount of its positions {snap.pos}:\n"
                      + "\n".join(wrong[:20]) + (f"\n... and {len(wrong) - 20} more" if len(wrong) > 20 else ""))
    return rows
