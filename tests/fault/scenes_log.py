"""What logs do: transactions that abort, compaction, retention."""

import os
import signal

import log as logs
from tap import Failure, wait_until
from scenes_start import told
from world import World


def transactions(trace, bench):
    """read_committed input: aborted records are not seen, offsets without a record are covered to the log's end, under kill -9 too."""
    w = World(bench, trace, ("pg", "redis"), partitions=2, proxied=False)
    stages = len(w.job.stages())
    p = w.pipe()
    for n in range(14):
        lines = w.generate(150)
        how = w.random.choice(("commit", "abort", "plain"))
        if how == "plain":
            w.produce(lines)
        else:
            logs.kadm(w.brokers, "txn", how, w.topic, w.random.randrange(2), stdin=lines)
        if n % 3 == 2:
            if p.signal(signal.SIGKILL, n // 3 % stages):
                trace.fault(f"kill -9 {w.job.stages()[n // 3 % stages][0]}")
    for part in (0, 1):     # nothing readable at the end
        logs.kadm(w.brokers, "txn", "abort", w.topic, part, stdin=w.generate(100))
    w.wait_caught_up()
    seen, end = w.log.size(), sum(w.ends().values())
    w.check()
    if w.log.size() >= end or w.log.size() == 0:
        raise Failure(f"{w.log.size()} records below the ends {end}: nothing was aborted? ({seen})")
    w.once()
    w.finish()


def compacted(trace, bench):
    """A compacted topic: what is gone leaves gaps; what was counted before it went stays counted, and its loss proves nothing."""
    w = World(bench, trace, ("pg", "redis"), partitions=1, proxied=False,
              topic_settings=("cleanup.policy=compact", "segment.ms=100", "min.cleanable.dirty.ratio=0", "min.compaction.lag.ms=0"))

    def produce(n):
        lines = w.generate(n).splitlines()
        w.produce(b"".join(b"key%d\t%s\n" % (w.random.randrange(40), line) for line in lines), "-K", "\t")

    def visible():
        seen = logs.Log(w.brokers, w.topic, w.job.metric)
        seen.read()
        return set(seen.events.get(0, ()))

    def compact():
        """A segment ends with the record after its time; the cleaner takes those that have ended."""
        def more():
            w.produce(b"last\t" + w.generate(1), "-K", "\t")
            return len(visible()) < w.ends()[0] / 2
        wait_until(60, "compaction", more)

    def settle():
        """Until the cleaner is through with what there is: what is visible now is what can be counted. It notes where
        it stands; the last segment, which is written to, it leaves alone."""
        folder = os.path.join(w.servers.folder, "kafka", "log")

        def through():
            with open(os.path.join(folder, "cleaner-offset-checkpoint"), encoding="utf-8") as f:
                at = {(t, p): int(o) for t, p, o in (line.split() for line in f.read().splitlines()[2:])}
            last = max(int(name[:-4]) for name in os.listdir(os.path.join(folder, w.topic + "-0")) if name.endswith(".log"))
            return at.get((w.topic, "0"), 0) >= last
        wait_until(60, "the cleaner to be through", through)
        w.log.read()
    produce(1500)
    compact()
    for _ in range(2):
        settle()
        w.once()
        w.check(read=False)
        produce(1500)
        settle()
        w.once()
        trace.fault("the records that were read are compacted away")
        compact()
    settle()
    w.once()
    w.finish()


def retention(trace, bench):
    """Records deleted before they were read: 65 with the offsets, --on-gap skip goes on and books them as lost."""
    w = World(bench, trace, ("pg", "redis"), partitions=2, proxied=False)
    w.fill(2000)
    w.once()
    at = w.standing()["pg"]
    w.fill(3000)
    w.log.read()
    trace.fault("retention passes the positions")
    for p, o in at.items():
        logs.kadm(w.brokers, "trim", w.topic, p, o + 700)
    told(w, 65, r"offsets \d+ to \d+ were deleted before they were read", "--on-gap skip")
    if w.standing()["pg"] != at:
        raise Failure("positions moved at a 65")
    told(w, 0, "are lost", source=("-e", "--on-gap", "skip"))
    for n in w.stores:
        w.lost[n] = {p: [(o, o + 700)] for p, o in at.items()}
    w.fill(500)
    w.once()
    w.finish()


def retention_live(trace, bench):
    """The same while it reads: the broker was out of reach, and what it missed is gone when it comes back."""
    w = World(bench, trace, ("pg", "redis"), partitions=1)
    w.fill(2000)
    p = w.pipe()
    w.wait_caught_up()
    at = w.standing()["pg"][0]
    proxy = bench.servers.proxy("kafka")
    trace.fault("the broker is out of reach, and retention passes the position")
    proxy.refuse()
    w.fill(2000)
    w.log.read()
    logs.kadm(w.brokers, "trim", w.topic, 0, at + 500)
    proxy.refuse(False)
    wait_until(60, "65", lambda: p.fatal)
    if p.fatal != 65 or "--on-gap skip" not in open(p.log_path).read():
        raise Failure(f"left with {p.fatal}")
    for n in w.stores:
        w.lost[n] = {0: [(at, at + 500)]}
    w.pipe(source=("--on-gap", "skip"))
    w.pipes.remove(p)
    w.wait_caught_up()
    # and with --on-gap skip no life ends
    at = w.standing()["pg"][0]
    trace.fault("the same to a pipeline with --on-gap skip")
    proxy.refuse()
    w.fill(2000)
    w.log.read()
    logs.kadm(w.brokers, "trim", w.topic, 0, at + 300)
    proxy.refuse(False)
    w.wait_caught_up()
    for n in w.stores:
        w.lost[n][0].append((at, at + 300))
    if w.pipes[0].codes:
        raise Failure(f"--on-gap skip: left with {w.pipes[0].codes}")
    w.finish()


def retention_behind(trace, bench):
    """Retention passes one store's position only, the others are further: its catch-up finds the gap."""
    w = World(bench, trace, ("pg", "redis"), partitions=1, proxied=False)
    w.fill(1000)
    w.once()
    w.stores["redis"].copy("old")
    w.fill(2000)
    w.once()
    w.stores["redis"].restore("old")
    w.log.read()
    trace.fault("redis went back behind what retention has left")
    logs.kadm(w.brokers, "trim", w.topic, 0, 1500)
    told(w, 65, "offsets 1000 to 1499 were deleted", "--on-gap skip")
    w.once(source=("-e", "--on-gap", "skip"))
    w.lost["redis"] = {0: [(1000, 1500)]}
    w.fill(500)
    w.once()
    w.finish()


TESTS = [
    ("aborted transactions, offsets without a record, under kill -9", transactions, True),
    ("compacted topics", compacted, True),
    ("retention passes the positions: 65, --on-gap skip", retention, True),
    ("retention passes one store's position", retention_behind, True),
    ("retention passes the position of a running pipeline", retention_live, False),
]
