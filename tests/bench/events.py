"""The event store: hta-sink-sqlite and hta-sink-pg --events from a file, beside a bare import of ready columns into the same tables."""
import os, subprocess
from measure import compare, die, figures, measure, say, target
from stores import Fresh, sql
from tools import TESTS, sh

AIMS = {"sqlite": 150e3, "pg": 60e3}
COLUMNS = "topic, partition, record_offset, event_id, event_type, user_id, source, ts, record"


def stages(file, sink):
    return f"hta-consume -q --job bench {file} | {sink} | hta-commit -q"


def told(title, n, kind, results):
    """Events a second and a CPU second of each, as figures with the aim."""
    values = {f"{name}: {what}": (n / r[key] / 1000, "k events/s") for name, r in results.items() for key, what in (("wall", "by the clock"), ("cpu", "by CPU"))}
    ours = n / list(results.values())[1]["wall"]
    return figures(title, values, [target(f"events a second into {kind}", ours, AIMS[kind])])


# ---- SQLite

def into_sqlite(bench, file, n):
    db, bare, rows = (os.path.join(bench.folder, name) for name in ("events.db", "bare.db", "events.csv"))

    def clear(path):
        sh(f"rm -f {path} {path}-wal {path}-shm")

    def ours():
        clear(db)
        return measure(stages(file, f"hta-sink-sqlite -q --events --init {db}"))

    def theirs():
        clear(bare)
        sh(f"hta-sink-sqlite -q --events --init {bare} </dev/null")
        sh(f"sqlite3 {bare} 'pragma wal_checkpoint'", stdout=subprocess.DEVNULL)
        return measure(f"sqlite3 {bare} 'pragma synchronous=full' 'pragma cache_size=-65536' '.import --csv {rows} hta_events'")
    ours()
    sh(f"sqlite3 -csv {db} 'select {COLUMNS}, received_at from hta_events order by rowid' >{rows}")
    theirs()
    answer = sh(f"sqlite3 {bare} \"attach '{db}' as o; select count(*), sum(a.record = b.record) from hta_events a join o.hta_events b using (topic, partition, record_offset)\"",
                stdout=subprocess.PIPE, text=True).strip()
    if answer != f"{n}|{n}":
        die(f"events: SQLite has {answer}, not all of {n}")
    r = compare(f"{n} events into SQLite", {"sqlite3 .import": theirs, "hta-sink-sqlite --events": ours}, bench.rounds,
                {"hta-sink-sqlite --events": 1.2}, key="cpu")
    for path in db, bare:
        clear(path)
    os.unlink(rows)
    return [r, told(f"{n} events into SQLite, a second", n, "sqlite", r["results"])]


# ---- Postgres

def server_cpu(postmaster):
    """CPU seconds of the server, of processes that are there and of those that it has reaped."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                words = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(pid) == postmaster or int(words[1]) == postmaster:
            total += sum(map(int, words[11:13] if int(pid) != postmaster else words[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def into_pg(bench, file, n):
    bench.service("pg")
    postmaster = int(sh([os.path.join(TESTS, "services.sh"), "pid", "pg", os.path.join(bench.folder, "services")], stdout=subprocess.PIPE, text=True))
    rows, fresh, last = os.path.join(bench.folder, "events.copy"), Fresh(bench, "events"), {}

    def table(who):
        if who in last:
            sql(f"drop table {last[who]}")
        last[who] = fresh.name()
        sh(f"hta-sink-pg -q --events --init --table {last[who]} </dev/null")
        sql("checkpoint")
        return last[who]

    def with_server(command):
        """The server's CPU is counted to the command's: nearly all of the work is there."""
        before = server_cpu(postmaster)
        r = measure(command)
        return {**r, "cpu": r["cpu"] + server_cpu(postmaster) - before}

    def ours():
        name = table("ours")
        return with_server(stages(file, f"hta-sink-pg -q --events --table {name}").replace("--job bench", f"--job {name}"))

    def theirs():
        return with_server(f"psql -Xqc \"copy {table('bare')} ({COLUMNS}) from stdin (format binary)\" <{rows}")
    ours()
    sh(f"psql -Xqc \"copy (select {COLUMNS} from {last['ours']} order by partition, record_offset) to stdout (format binary)\" >{rows}")
    theirs()
    answer = sql(f"select count(*), count(*) filter (where a.record = b.record) from {last['ours']} a join {last['bare']} b using (topic, partition, record_offset)")
    if answer != f"{n}|{n}":
        die(f"events: Postgres has {answer}, not all of {n}")
    r = compare(f"{n} events into Postgres, the server's CPU among it", {"psql, COPY": theirs, "hta-sink-pg --events": ours}, bench.rounds,
                {"hta-sink-pg --events": 0.9}, key="cpu")
    os.unlink(rows)
    return [r, told(f"{n} events into Postgres, a second", n, "pg", r["results"])]


def events(bench):
    """hta-sink-sqlite and hta-sink-pg --events against a bare import of the same columns, key and indexes"""
    n = bench.n // 5
    file = bench.events(n)
    say(f"events: {n} events, known by topic, partition and offset")
    return into_sqlite(bench, file, n) + into_pg(bench, file, n)


TASKS = {"events": events}
