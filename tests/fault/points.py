"""Every crash point of every program (HTA_CRASH, hta-protocol(7)): die there, look at the stores, go on, in the end equal to a recount.

One job dies its way through one log: each life gets a little further. Points of the start and of rebalances have jobs of their own."""
from pipes import AGAIN
from tap import Failure, wait_until
from world import World

ORDER = ("pg", "redis", "sqlite")
STAGE = {"consume": 0, "window": 1, "pg": 2, "redis": 3, "sqlite": 4, "commit": 5}
EPOCH_RECORDS = 300

ON_THE_WAY = (
    [("consume", p) for p in ("line-half", "source-before-commit", "source-after-commit")]
    + [("window", p) for p in ("line-half", "barrier-before", "barrier-after")]
    + [(s, p) for s in ORDER for p in ("line-half", "barrier-before", "barrier-after")]
    + [("pg", "sink-inside"), ("pg", "sink-sent"), ("redis", "sink-sent"), ("sqlite", "sink-inside")]
    + [("commit", p) for p in ("barrier-before", "barrier-after")]
)
AT_THE_START = [("consume", "source-init"), ("consume", "source-assigned")] + [(s, "sink-init") for s in ORDER]


def died(world, stage, point, code, procs):
    """The stage has died of it, the others left as a supervisor wants it."""
    i = STAGE[stage]
    if procs[i] != -9:
        raise Failure(f"{stage} did not die at {point}: {procs}")
    for k, c in enumerate(procs):
        if k != i and c not in AGAIN and c != 0:
            raise Failure(f"{stage} at {point}: stage {k} left with {c}: {procs}")
    if code != 137 and code not in AGAIN:
        raise Failure(f"{stage} at {point}: the pipeline left with {code}")


def crash(world, stage, point, n, source=()):
    from pipes import Run
    import os
    stages = world.job.stages(ORDER, source)
    world.trace.fault(f"{stage} dies at {point}:{n}")
    run = Run(stages, os.path.join(world.folder, "crash.log"), (STAGE[stage], f"{point}:{n}"))
    world.trace.ends.append(run.end)
    code = run.wait(30)
    world.trace.count("lives")
    world.trace.add(f"left with {code} {run.codes()}")
    try:
        died(world, stage, point, code, run.codes())
    except Failure as e:
        raise Failure(f"{e}\n{run.said()[-3000:]}") from None


def on_the_way(trace, bench):
    w = World(bench, trace, ORDER)
    w.job.source = ["--epoch", "20ms", "--epoch-records", str(EPOCH_RECORDS)]
    w.fill(4000 * len(ON_THE_WAY), "--bad-prob", "0.01", "--jitter", "5s")
    w.log.read()
    points = list(ON_THE_WAY)
    w.random.shuffle(points)
    for stage, point in points:
        # the first lines are not data: a line is cut in the middle of an epoch's
        n = w.random.randint(6, 20) if point == "line-half" else w.random.randint(1, 5)
        crash(w, stage, point, n)
        w.check(read=False)
        w.check_commits()
    w.once()
    w.finish()


def at_the_start(trace, bench):
    for stage, point in AT_THE_START:
        w = World(bench, trace, ORDER)
        w.fill(500)
        crash(w, stage, point, 1)
        w.check()
        w.once()
        w.finish()


def in_a_rebalance(trace, bench):
    """The one that is there dies when a second one comes; then the second one dies at what it is given."""
    for point in ("source-revoked:1", "source-assigned:2"):
        w = World(bench, trace, ("pg", "redis"), partitions=4)
        w.fill(3000)
        crashes = iter([(0, point)])
        first = w.pipe(crashes=lambda: next(crashes, None))
        wait_until(20, "the first pipeline to read", lambda: any(at > 0 for s in w.standing().values() for at in s.values()))
        w.pipe(order=["redis", "pg"])
        w.fill(3000)
        wait_until(20, lambda: f"the death at {point}", lambda: first.codes)
        if first.run is None or 137 not in first.codes and not any(c in AGAIN for c in first.codes):
            raise Failure(f"{point}: {first.codes}")
        w.fill(3000)
        w.finish()


TESTS = [
    ("crash points: every program on its way", on_the_way, True),
    ("crash points: at the start of a job", at_the_start, True),
    ("crash points: in a rebalance", in_a_rebalance, True),
]
