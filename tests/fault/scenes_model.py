"""The scenes in which earlier rules fell in the models (tests/model), on the real programs."""
import re
import threading
import time

import log as logs
from points import crash
from scenes_start import told
from tap import Failure, wait_until
from world import World


def operator(world):
    """What whoever is on duty does about a 78: says --bootstrap of the sink that it names, until that is done."""
    desk = threading.Lock()

    def act(pipe, code, said):
        found = re.search(r"--bootstrap (\S+?)=init", said)
        if code != 78 or not found:
            return False
        with desk:
            for _ in range(100):
                code, said = world.bootstrap(found[1], want=None)
                if code == 0 or "has positions" in said:
                    return True
                if pipe.leaving:
                    return True
                time.sleep(0.2)
        return False
    return act


def inits(world):
    return {n: {p: init for p, (init, _) in s.positions().items()} for n, s in world.stores.items()}


def have_begun(world, names=None, partitions=None):
    want = partitions or world.partitions
    return all(len(at) == want for at in world.standing(names).values())


def wait_codes(pipe, codes, seconds=40):
    """Its first lives ended so; before a probe at rest, which comes in the first minute, would have ended them."""
    wait_until(seconds, lambda: f"exits {codes} of {pipe.name}, there were {pipe.codes}", lambda: len(pipe.codes) >= len(codes))
    if pipe.codes[:len(codes)] != codes:
        raise Failure(f"{pipe.name} left with {pipe.codes}, not with {codes}")


def first_together(trace, bench):
    """Two first pipelines with --from latest, their sinks in opposite orders, while records come in: one start for both stores, nothing after it is missing."""
    for _ in range(3):
        w = World(bench, trace, ("pg", "redis"), partitions=4, proxied=False)
        w.fill(1000)
        before = w.ends()
        trace.fault("two first pipelines at the same moment")
        w.pipe(order=("pg", "redis"), source=("--from", "latest"))
        w.pipe(order=("redis", "pg"), source=("--from", "latest"))
        end = time.monotonic() + 60
        while not have_begun(w):
            w.fill(50)
            if time.monotonic() > end:
                raise Failure(f"no start after 60 s: {w.standing()}")
        after = w.ends()
        w.fill(800)
        at = inits(w)
        if at["pg"] != at["redis"]:
            raise Failure(f"two starts: {at}")
        if any(not before[p] <= o <= after[p] for p, o in at["pg"].items()):
            raise Failure(f"{at['pg']} was never the log's end: it was {before}, then {after}")
        w.finish()


def emptied_running(trace, bench, sinks, empty):
    """75 with the next records, then 78 that names the way out; that is gone, and all is counted once."""
    w = World(bench, trace, sinks, proxied=False)
    w.fill(2000)
    p = w.pipe(operator=operator(w))
    w.wait_caught_up()
    # where nobody knows of the first start any more, it is a first start again
    wait_until(60, "commits at the log's ends", lambda: w.committed() == w.ends())
    trace.fault(f"emptied under a running pipeline: {empty}")
    for n in empty:
        w.stores[n].empty()
    w.fill(500)
    wait_codes(p, [75, 78])
    w.finish()


def emptied_resting(trace, bench):
    """The same where no record comes any more, and a store that was given an older state: the minute's probe finds them."""
    one = World(bench, trace, ("pg", "redis"), proxied=False)
    two = World(bench, trace, ("sqlite",), proxied=False)
    old = World(bench, trace, ("pg", "sqlite"), proxied=False)
    for w in (one, two, old):
        w.fill(1000)
        w.once()
    old.stores["pg"].copy("old")
    old.fill(500)
    pipes = [w.pipe(operator=operator(w)) for w in (one, two, old)]
    for w in (one, two, old):
        w.wait_caught_up()
    trace.fault("stores are emptied and given older states, and nothing is produced")
    one.stores["redis"].empty()
    two.stores["sqlite"].empty()
    old.stores["pg"].restore("old")
    wait_codes(pipes[0], [75, 78], 150)
    wait_codes(pipes[1], [75, 78], 150)
    wait_codes(pipes[2], [75], 150)
    for w in (one, two, old):
        w.finish()


def before_first_commit(trace, bench):
    """Only the store knew of the first start: emptied, it is a first start again, and no question."""
    for kind in ("pg", "redis", "sqlite"):
        w = World(bench, trace, (kind,), proxied=False)
        w.fill(1000)
        crash(w, "consume", "source-before-commit", 1, order=(kind,))
        first = w.stores[kind].snapshot().gen
        if not first or w.committed():
            raise Failure(f"generation {first}, commits {w.committed()}: not what is to be tried")
        trace.fault(f"{kind} is emptied before the first commit")
        w.stores[kind].empty()
        w.once()
        if w.stores[kind].snapshot().gen == first:
            raise Failure("the first start's generation is back")
        w.finish()


def at_first_start(trace, bench):
    """Emptied under the first pipeline as soon as it has written its generation: whatever it has done by then, in the end each record counts once."""
    for kind in ("pg", "redis"):
        w = World(bench, trace, (kind,), proxied=False)
        w.fill(1000)
        w.pipe(operator=operator(w))
        store = w.stores[kind]
        wait_until(60, "a generation", lambda: store.positions())
        trace.fault(f"{kind} is emptied in the first start")
        store.empty()
        w.fill(500)
        w.finish()


def late_sink(trace, bench):
    """A sink that comes late is refused, bootstrapped and filled while a pipeline without it goes on; then that one leaves."""
    w = World(bench, trace, ("pg", "redis"), partitions=4, proxied=False)
    w.fill(2000)
    without = w.pipe(order=("pg",))
    w.wait_caught_up(names=["pg"])
    trace.fault("a second sink comes late")
    told(w, 78, "redis knows nothing of job", "--bootstrap redis=init", source=())
    w.bootstrap("redis")
    w.pipe(order=("redis", "pg"))
    for _ in range(4):
        w.fill(500)
        w.check(names=["pg", "redis"])
    w.wait_caught_up(names=["pg"])
    w.check()
    if without.leave() != 0:
        raise Failure(f"the pipeline without the late sink left with {without.codes}")
    w.finish()


def late_sink_adopts(trace, bench):
    """As long as nothing was read, a late sink takes over the start and is not refused."""
    w = World(bench, trace, ("pg", "redis"), partitions=4, proxied=False)
    w.fill(500)
    without = w.pipe(order=("pg",), source=("--from", "latest"))
    wait_until(60, "a start", lambda: have_begun(w, ["pg"]))
    late = w.pipe(order=("redis", "pg"))
    wait_until(60, "the late sink's start", lambda: have_begun(w))
    at = inits(w)
    if at["redis"] != at["pg"]:
        raise Failure(f"two starts: {at}")
    for _ in range(3):
        w.fill(500)
    w.wait_caught_up(names=["pg"])
    without.leave()
    w.finish()
    if 78 in late.codes:
        raise Failure(f"the late sink was refused: {late.codes}")


def grown(trace, bench):
    """Partitions are added while two pipelines run, with their sinks in opposite orders: read from 0, though the job began at latest."""
    w = World(bench, trace, ("pg", "redis"), partitions=2, proxied=False)
    w.fill(1000)
    pipes = [w.pipe(order=o, source=("--from", "latest")) for o in (("pg", "redis"), ("redis", "pg"))]
    wait_until(60, "a start", lambda: have_begun(w))
    w.fill(500)
    trace.fault("the topic grows from 2 to 5 partitions")
    logs.kadm(w.brokers, "grow", w.topic, 5)
    for p in (2, 3, 4):
        w.produce(w.generate(200), "-p", str(p))
    wait_until(60, "the new partitions", lambda: have_begun(w, partitions=5))
    at = inits(w)
    if at["pg"] != at["redis"] or any(at["pg"][p] != 0 for p in (2, 3, 4)) or any(at["pg"][p] == 0 for p in (0, 1)):
        raise Failure(f"starts: {at}")
    w.wait_caught_up()
    if any(p.codes for p in pipes):
        raise Failure(f"lives ended, though nothing was broken: {[p.codes for p in pipes]}")
    w.finish()


def anew_under_it(trace, bench):
    """A topic is deleted and made anew under a running pipeline, longer than it was: 78, and none of the new records is counted."""
    w = World(bench, trace, ("pg", "redis"), partitions=1, proxied=False)
    w.fill(1000)
    p = w.pipe()
    w.wait_caught_up()
    snaps = {n: s.snapshot().rows for n, s in w.stores.items()}
    trace.fault("the topic is made anew under a running pipeline")
    logs.kadm(w.brokers, "delete", w.topic)
    w.create()
    w.fill(3000)
    wait_until(60, lambda: f"the end of the pipeline, it left with {p.codes}", lambda: p.fatal)
    if p.fatal != 78 or "made anew" not in p.run.said():
        raise Failure(f"left with {p.fatal}, not with 78 and why")
    if {n: s.snapshot().rows for n, s in w.stores.items()} != snaps:
        raise Failure("records of the new topic were counted")
    for s in w.stores.values():
        s.drop()


TESTS = [
    ("model: a store emptied, or older, where nothing comes: within the minute's probe", emptied_resting, True),
    ("model: two first pipelines from latest, sinks in opposite orders", first_together, True),
    ("model: one of two stores emptied under a running pipeline", lambda t, b: emptied_running(t, b, ("pg", "redis"), ["redis"]), True),
    ("model: the first of two stores emptied under a running pipeline", lambda t, b: emptied_running(t, b, ("pg", "redis"), ["pg"]), True),
    ("model: the only store emptied under a running pipeline", lambda t, b: emptied_running(t, b, ("pg",), ["pg"]), True),
    ("model: all stores emptied under a running pipeline", lambda t, b: emptied_running(t, b, ("pg", "redis"), ["pg", "redis"]), True),
    ("model: the only store emptied before the first commit", before_first_commit, True),
    ("model: the only store emptied in the first start", at_first_start, True),
    ("model: a late sink, one-sink pipelines go on", late_sink, True),
    ("model: a late sink adopts a start from which nothing was read", late_sink_adopts, True),
    ("model: partitions added while two pipelines run", grown, True),
    ("model: a topic made anew under a running pipeline: 78", anew_under_it, True),
]
