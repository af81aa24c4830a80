"""Events beside rows in one pipeline: two pipelines of a group, killed over and over; every record of the topic is an event once, as it came."""
import signal
import sqlite3
import subprocess
import time

from pipes import Supervised
from tap import Failure
from world import World

POINTS = ("sink-inside", "sink-sent", "barrier-before", "barrier-after", "sink-init")


def stages(w, keyed):
    """The job's, with two sinks of events above the window."""
    out = w.job.stages()
    pg, lite = w.stores["pg"].argv(), w.stores["sqlite"].argv()
    out[1:1] = [pg[:1] + ["--events"] + ["--name", "pg-events"] + pg[3:], lite[:1] + ["--events", "--name", "lite-events", *keyed] + lite[3:]]
    return out


def topic(w):
    """{(partition, offset): line}, read by somebody else."""
    raw = subprocess.run(["kcat", "-C", "-q", "-e", "-b", w.brokers, "-t", w.topic, "-f", "%p %o %s\n"], check=True, stdout=subprocess.PIPE, timeout=120).stdout
    out = {}
    for line in raw.splitlines():
        p, o, record = line.split(b" ", 2)
        out[int(p), int(o)] = record
    return out


def in_pg(w):
    rows = w.stores["pg"].sql("select partition || ' ' || record_offset || ' ' || record from hta_events").encode()
    out = {}
    for line in rows.splitlines():
        p, o, record = line.split(b" ", 2)
        out[int(p), int(o)] = record
    return out


def in_sqlite(w):
    db = sqlite3.connect(w.stores["sqlite"].path)
    rows = db.execute("select partition, record_offset, cast(record as blob) from hta_events").fetchall()
    db.close()
    return {(p, o): record for p, o, record in rows}, len(rows)


def fill_and_kill(w, pipes, rounds):
    for _ in range(rounds):
        w.fill(2000)
        time.sleep(w.random.uniform(0.3, 2.5))
        p = w.random.choice(pipes)
        i = w.random.randrange(len(p.stages))
        if p.stage(i):
            w.trace.fault(f"kill -9 {p.name} {p.stages[i][0]} {i}", "kill -9 of a stage")
            p.signal(signal.SIGKILL, i)


def events_once(trace, bench, keyed=()):
    w = World(bench, trace, ("pg", "sqlite"), proxied=False)
    left = [5]

    def crashes():
        if w.random.random() < 0.5 or not left[0]:
            return None
        left[0] -= 1
        return w.random.choice((1, 2)), f"{w.random.choice(POINTS)}:{w.random.randint(1, 3)}"
    for n in range(2):
        w.pipes.append(Supervised(trace, w.job, f"events{n}", stages(w, keyed), crashes))
    fill_and_kill(w, w.pipes, 16 if bench.long else 8)
    left[0] = 0
    for p in w.pipes:
        p.start_without_crash()
    w.wait_caught_up(90)
    want = topic(w)
    pg = in_pg(w)
    lite, rows = in_sqlite(w)
    if pg != want:
        raise Failure(f"postgres has {len(pg)} events, the topic {len(want)}; {len(set(want) - set(pg))} are missing")
    if keyed:
        found, all_of = sorted(lite.values()), sorted(set(want.values()))
        if found != all_of or rows != len(all_of):
            raise Failure(f"sqlite has {rows} events, the topic {len(all_of)} different ones")
    elif lite != want:
        raise Failure(f"sqlite has {len(lite)} events, the topic {len(want)}; {len(set(want) - set(lite))} are missing")
    trace.count("events compared", len(pg) + rows)
    w.finish(90)


TESTS = [
    ("events beside rows, two pipelines killed over and over: each once", events_once, True),
    ("events known by a member of theirs: the same", lambda t, b: events_once(t, b, ("--key", "event_id")), True),
]
