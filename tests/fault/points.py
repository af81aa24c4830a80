"""Every crash point of every program (HTA_CRASH, hta-protocol(7)): die there, look at the stores, go on, in the end equal to a recount.

One job dies its way through one log: each life gets a little further. Points of the start and of rebalances have jobs of their own."""
import os
import re
import subprocess

from pipes import AGAIN, Run
from tap import Failure, wait_until
from world import World

ORDER = ("pg", "redis", "sqlite")
EPOCH_RECORDS = 300

ON_THE_WAY = (
    [("consume", p) for p in ("line-half", "source-before-commit", "source-after-commit")]
    + [("window", p) for p in ("line-half", "barrier-before", "barrier-after")]
    + [(s, p) for s in ORDER for p in ("line-half", "barrier-before", "barrier-after")]
    + [("pg", "sink-inside"), ("pg", "sink-sent"), ("redis", "sink-sent"), ("sqlite", "sink-inside")]
    + [("commit", p) for p in ("barrier-before", "barrier-after")]
)
AT_THE_START = [("consume", "source-init"), ("consume", "source-assigned")] + [(s, "sink-init") for s in ORDER]
ELSEWHERE = {"sink-rules", "sink-claimed", "sink-written", "state-inside", "alerts-printed", "alerts-inside", "alerts-stored", "log-half", "log-written", "log-told", "log-zeros", "log-cut", "log-named", "log-tail",
             "dlq-taken", "dlq-inside", "dlq-sent"}   # scenes_rules.py, scenes_claims.py, scenes_dedup.py, tests/cli/trend.bats, tests/store/dlq.bats, tests/cli/wal.bats
IN_A_REBALANCE = [("consume", "source-revoked"), ("consume", "source-assigned")]


def died(stage, i, point, code, procs):
    """The stage has died of it, the others left as a supervisor wants it."""
    if procs[i] != -9:
        raise Failure(f"{stage} did not die at {point}: {procs}")
    for k, c in enumerate(procs):
        if k != i and c not in AGAIN and c != 0:
            raise Failure(f"{stage} at {point}: stage {k} left with {c}: {procs}")
    if code != 137 and code not in AGAIN:
        raise Failure(f"{stage} at {point}: the pipeline left with {code}")


def crash(world, stage, point, n, order=ORDER):
    """A life in which this stage dies at the n-th passage of this point."""
    i = ("consume", "window", *order, "commit").index(stage)
    world.trace.fault(f"{stage} dies at {point}:{n}", "crash points")
    run = Run(world.job.stages(order), os.path.join(world.folder, "crash.log"), (i, f"{point}:{n}"))
    world.trace.ends.append(run.end)
    code = run.wait(60)
    world.trace.count("lives")
    world.trace.add(f"left with {code} {run.codes()}")
    try:
        died(stage, i, point, code, run.codes())
    except Failure as e:
        raise Failure(f"{e}\n{run.said()[-3000:]}") from None


def all_of_them(trace, bench):
    """The points that the programs know are those that are tried here."""
    said = subprocess.run(["hta-commit"], env={**os.environ, "HTA_CRASH": "?"}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    known = set(re.search("with a point of (.*)", said.stderr)[1].split(", ")) if said.returncode == 64 else said
    tried = {p for _, p in ON_THE_WAY + AT_THE_START + IN_A_REBALANCE} | ELSEWHERE
    if known != tried:
        raise Failure(f"known: {known}, tried: {tried}")


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
    for n, point in enumerate(("source-revoked:1", "source-assigned:2")):     # IN_A_REBALANCE
        w = World(bench, trace, ("pg", "redis"), partitions=4)
        w.fill(3000)
        crashes = iter([(0, point)])
        first = w.pipe(crashes=lambda: next(crashes, None))
        wait_until(60, "the first pipeline to read", lambda: any(at > 0 for s in w.standing().values() for at in s.values()))
        w.pipe(order=["redis", "pg"])
        w.fill(3000)
        wait_until(60, lambda: f"the death at {point}, not {first.codes}", lambda: trace.kinds.get("crash points", 0) > n)
        w.fill(3000)
        w.finish()


TESTS = [
    ("crash points: each of them is tried", all_of_them, True),
    ("crash points: every program on its way", on_the_way, True),
    ("crash points: at the start of a job", at_the_start, True),
    ("crash points: in a rebalance", in_a_rebalance, True),
]
