"""What flows, and what stops it: dead letters in a file, books over restarts, a sink or a store that stands still under full load, a broker that goes
away in a start."""
import base64
import json
import os
import signal
import time
from functools import lru_cache

import pages
from log import Metric
from points import crash
from tap import Failure, Mismatch, wait_until
from world import World


# ---- dead letters, and the books

WAYS_TO_DIE = [("consume", "line-half"), ("window", "line-half"), ("window", "barrier-before"), ("window", "barrier-after"), ("consume", "source-before-commit"),
               ("commit", "barrier-before"), ("commit", "barrier-after")]


def kept(path):
    """{(partition, offset): bytes} of a --dead FILE, and how many lines it has."""
    out, lines = {}, 0
    with open(path, "rb") as f:
        for line in f:
            try:
                d = json.loads(line)
            except ValueError:      # cut off by a kill
                continue
            out[d["partition"], d["offset"]] = base64.b64decode(d["record"]) if d["encoding"] == "base64" else d["record"].encode()
            lines += 1
    return out, lines


def dead_in_a_file(trace, bench):
    """Nobody claims dead letters: two stages write them to files. Each is there, at least once, whatever died; and counted + dead = the log's records."""
    w = World(bench, trace, ("redis",), partitions=2, proxied=False)
    files = [os.path.join(w.folder, n) for n in ("source.dead", "window.dead")]
    w.job.source = ["--epoch", "20ms", "--epoch-records", "300", "--max-line", "4000", "--dead", files[0]]
    w.job.window = ["--dead", files[1]]
    ways = WAYS_TO_DIE + [("redis", p) for p in ("line-half", "barrier-before", "barrier-after", "sink-sent")]
    w.random.shuffle(ways)
    for _ in ways:
        w.fill(4000, "--bad-prob", "0.02")
        w.produce(b"".join(b"long%d%s\n" % (n, b"x" * 5000) for n in range(7)))
    w.log.read()
    for stage, point in ways:
        crash(w, stage, point, w.random.randint(6, 20) if point == "line-half" else w.random.randint(1, 4), order=("redis",))
        w.check(read=False)
    w.once()
    _, dead, _ = w.log.recount({p: [(0, end)] for p, end in w.ends().items()})
    want = {(p, o): raw for p, o, raw in dead}
    found, lines = {}, 0
    for path in files:
        some, n = kept(path)
        found.update(some)
        lines += n
    if found != want:
        raise Mismatch(f"dead letters: missing {sorted(set(want) - set(found))[:10]}, too many {sorted(set(found) - set(want))[:10]}, other bytes in "
                       f"{[k for k in want if k in found and want[k] != found[k]][:10]}")
    trace.add(f"{len(want)} dead letters, {lines} lines")
    counted = sum(r.count for r in w.stores["redis"].snapshot().rows.values())
    if counted + len(found) != w.log.size():
        raise Mismatch(f"the books: {counted} counted and {len(found)} dead of {w.log.size()}")
    w.finish()


def books(trace, bench):
    """Over many lives: what a store has counted, its dead letters and the tombstones are the log's records. Asked of the stores in SQL, not of the oracle."""
    w = World(bench, trace, ("pg", "sqlite"), partitions=3, proxied=False)
    w.job.source = ["--epoch", "20ms", "--epoch-records", "500"]
    w.fill(3000, "--bad-prob", "0.05")
    p = w.pipe()
    stages = len(p.stages)
    for n in range(8):
        w.fill(1500, "--bad-prob", "0.05")
        w.produce(b"t%d:\n" % n * 20, "-K", ":", "-Z")
        i = w.random.randrange(stages)
        if p.signal(signal.SIGKILL, i):
            trace.fault(f"kill -9 {p.stages[i][0]}", "kill -9 of a stage")
    w.wait_caught_up()
    w.log.read()
    records = w.log.size()
    text = "select (select sum(count) from hta_rollups) || ' ' || (select count(*) from hta_dead) || ' ' || (select count(*) from (select distinct partition, record_offset from hta_dead) d)"
    db = w.stores["sqlite"].reader.open()
    told = {"pg": w.stores["pg"].sql(text).split(), "sqlite": db.execute(text).fetchone()[0].split()}
    db.close()
    for name, (counted, dead, different) in told.items():
        if int(counted) + int(dead) + 160 != records or dead != different or int(dead) < 400:
            raise Mismatch(f"{name}: {counted} counted, {dead} dead ({different} different), 160 tombstones, of {records}")
    w.finish()


# ---- backpressure

# Bounds of resident memory at its peak, with a client's queue of 16 MiB (128 MiB unless set) and epochs of 20,000 records: the source has the queue, as
# much again around its records, and buffers; a window the rows of an epoch; a sink those of four.
QUEUE_KB = 16384
EPOCH_RECORDS = 20000
BOUND_MB = {"hta-consume": 64, "hta-window": 32, "hta-sink-pg": 48, "hta-sink-redis": 48, "hta-commit": 16}
STILL_S, STILL_LONG_S = 20, 120
BACK_S = 60
SESSION_LONG = "6000"   # far shorter than that, and longer than a broker or a client may be kept waiting for a processor
LOAD = 20000            # records of a portion


def peak_mb(pid):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024


def children(pid):
    out = [pid]
    for p in os.listdir("/proc"):
        try:
            with open(f"/proc/{p}/stat") as f:
                if int(f.read().rsplit(")", 1)[1].split()[1]) == pid:
                    out.append(int(p))
        except (OSError, ValueError):
            continue
    return out


def read(pipe):
    return pages.counter("hta-consume", pipe.stage(0).pid, "records_in")


def still(trace, bench, what, metric=None):
    """Stopped for far longer than session and poll interval, with more to read than all buffers hold."""
    w = World(bench, trace, ("pg", "redis"), partitions=4, proxied=False, metric=metric)
    w.job.source = ["-X", f"session.timeout.ms={SESSION_LONG}", "-X", f"queued.max.messages.kbytes={QUEUE_KB}", "--epoch-records", str(EPOCH_RECORDS)]
    load = w.generate(LOAD)
    w.log.metric.take = lru_cache(2 * LOAD)(w.log.metric.take)
    for _ in range(4):
        w.produce(load)
    p = w.pipe()
    w.wait_caught_up()
    stopped = {"sink": lambda: [p.stage(2).pid], "postgres": lambda: children(int(bench.servers.sh("pid", "pg").stdout))}[what]()
    trace.fault(f"{what} is stopped", f"{what} stopped under full load")
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + (STILL_LONG_S if bench.long else STILL_S)
    try:
        for _ in range(10):
            w.produce(load)
        time.sleep(max(2, end - time.monotonic()))
        had = None

        def held_up():
            nonlocal had
            last, had = had, read(p)
            time.sleep(0.5)
            return had == last
        wait_until(60, lambda: f"the source to be held up, it has read {had}", held_up)
        if had >= sum(w.ends().values()):
            raise Failure(f"the source has read {had} of {sum(w.ends().values())}: it was not held up")
    finally:
        for pid in stopped:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
    back = time.monotonic()
    wait_until(BACK_S, "throughput to return", lambda: read(p) >= had + LOAD)
    trace.add(f"{LOAD} records further {time.monotonic() - back:.1f} s after it went on")
    w.wait_caught_up()
    peaks = {argv[0]: round(peak_mb(p.stage(i).pid)) for i, argv in enumerate(p.stages)}
    trace.add(f"peaks in MiB: {peaks}")
    if any(mb > BOUND_MB[name] for name, mb in peaks.items()):
        raise Failure(f"memory, MiB: {peaks}, bounds {BOUND_MB}")
    if p.codes or "revoked" in p.run.said():
        raise Failure(f"it was to stay in its group: {p.codes}\n{p.run.said()[-2000:]}")
    w.finish(120)


# ---- a broker that goes away

def broker_in_a_start(trace, bench):
    """The broker is killed while four jobs make their first commits, and forgets the members: refused commits wait for nobody, all go on."""
    worlds = [World(bench, trace, ("sqlite",)) for _ in range(4)]
    for w in worlds:
        w.fill(300)
    pipes = [w.pipe() for w in worlds]
    wait_until(60, "an assignment", lambda: any(p.run and "assigned" in p.run.said() for p in pipes))
    time.sleep(worlds[0].random.uniform(0, 0.1))
    trace.fault("the broker restarts", "brokers killed")
    bench.servers.restart("kafka", "KILL")
    for w in worlds:
        w.finish()


TESTS = [
    ("dead letters in files: each at least once, whatever dies", dead_in_a_file, True),
    ("the books balance over restarts", books, True),
    ("backpressure: a sink stands still under full load, many keys", lambda t, b: still(t, b, "sink", Metric(by=("customer", "endpoint", "status"))), True),
    ("backpressure: postgres stands still under full load", lambda t, b: still(t, b, "postgres"), False),
    ("the broker restarts while jobs start", broker_in_a_start, False),
]
