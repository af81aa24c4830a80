"""Stores that stand apart, pipelines that sleep through their eviction, answers that are lost."""
import os
import re
import signal
import time

import pages
from tap import Failure, wait_until
from world import World


def moved(world):
    return any(at > 0 for s in world.standing().values() for at in s.values())


def behind(trace, bench, sinks, late):
    """One store is thousands of records behind over six partitions: caught up partition by partition, the others apply nothing twice."""
    w = World(bench, trace, sinks, partitions=6, proxied=False)
    w.fill(3000)
    w.once()
    w.stores[late].copy("old")
    w.fill(9000)
    w.once()
    trace.fault(f"{late} is given back the state of 9,000 records ago")
    w.stores[late].restore("old")
    w.check()
    w.fill(200)
    w.once()
    w.finish()


def all_apart(trace, bench):
    """Three stores at three positions, and the last one emptied and told to begin anew."""
    w = World(bench, trace, ("pg", "redis", "sqlite"), partitions=3, proxied=False)
    for n in ("pg", "redis", "sqlite"):
        w.fill(2000)
        w.once()
        w.stores[n].copy("old")
    w.fill(2000)
    w.once()
    for s in w.stores.values():
        s.restore("old")
    if len({str(at) for at in w.standing().values()}) != 3:
        raise Failure("the stores do not stand apart")
    w.once(order=("sqlite", "pg", "redis"))
    w.finish()


def restored_live(trace, bench):
    """A store goes back under a running pipeline: 75 with the next record, within seconds, and caught up."""
    w = World(bench, trace, ("pg", "redis"), proxied=False)
    w.fill(3000)
    p = w.pipe()
    w.wait_caught_up()
    w.stores["redis"].copy("old")
    w.fill(3000)
    w.wait_caught_up()
    trace.fault("redis goes back under a running pipeline")
    w.stores["redis"].restore("old")
    w.fill(300)
    wait_until(40, "75 after a restore", lambda: p.codes)
    if p.codes != [75]:
        raise Failure(f"left with {p.codes}, not 75")
    w.finish()


# ---- zombies

def with_epochs_in_flight(w, source):
    """A pipeline whose first sink is stopped: epochs are on their way, none of them is stored."""
    p = w.pipe(source=source)
    w.wait_caught_up()
    p.signal(signal.SIGSTOP, 2)
    w.fill(3000)
    wait_until(60, "epochs in flight", lambda: pages.counter("hta-consume", p.stage(0).pid, "epochs_in_flight") >= 2)
    p.signal(signal.SIGSTOP)
    return p


def zombie_skips(trace, bench):
    """It wakes when the other one has applied all of it: skipped, and it goes on with what it is then given."""
    w = World(bench, trace, ("pg", "redis"), partitions=1, proxied=False)
    w.fill(1000)
    zombie = with_epochs_in_flight(w, ["--epoch", "10s", "--epoch-records", "500"])
    trace.fault("the pipeline sleeps, another one takes over")
    w.once("heir")
    before = w.standing()
    zombie.signal(signal.SIGCONT)
    wait_until(60, "the sleeper to see that it was evicted", lambda: "revoked" in open(zombie.log_path).read() or zombie.codes)
    w.fill(1000)
    w.wait_caught_up()
    if zombie.codes:
        raise Failure(f"it left with {zombie.codes}, though nothing conflicted")
    if any(o < before[n].get(p, 0) for n, at in w.standing().items() for p, o in at.items()):
        raise Failure("positions went back")
    w.finish()


def zombie_conflicts(trace, bench):
    """It wakes when the other one stands in the middle of its epoch: 75 within seconds, nothing applied twice."""
    w = World(bench, trace, ("pg", "redis"), partitions=1, proxied=False)
    w.fill(1000)
    zombie = with_epochs_in_flight(w, ["--epoch", "10s", "--epoch-records", "500"])
    trace.fault("the pipeline sleeps, another one takes over and stops in the middle of its epoch")
    w.once("heir", source=("-c", "250"))
    at = w.standing()["pg"][0]
    if at != 1250:
        raise Failure(f"the heir stands at {at}, not at 1250")
    zombie.signal(signal.SIGCONT)
    woke = time.monotonic()
    wait_until(40, "75 of the sleeper", lambda: zombie.codes)
    if zombie.codes[0] != 75:
        raise Failure(f"it left with {zombie.codes}, not 75")
    trace.add(f"75 after {time.monotonic() - woke:.1f} s")
    w.finish()


def answer_lost(trace, bench):
    """The commit went in, its answer was cut off: the transaction is run again and found applied; the pipeline lives on."""
    w = World(bench, trace, ("pg", "redis"))
    w.fill(1000)
    p = w.pipe()
    w.wait_caught_up()
    for name, pattern in (("pg", b"COMMIT"), ("redis", b"EVALSHA")):
        proxy = bench.servers.proxy(name)
        for when in ("after", "before", "after"):
            hits = proxy.hits
            trace.fault(f"{name} is cut {when} it has {pattern.decode()}")
            proxy.cut_on(pattern, when)
            w.fill(700)
            wait_until(60, "the cut", lambda: proxy.hits > hits)
            w.wait_caught_up()
    said = open(p.log_path).read()
    if p.codes:
        raise Failure(f"it left with {p.codes}, though a cut connection is none of a pipeline's business")
    if len(re.findall("trying again", said)) < 4:
        raise Failure("the cuts were not noticed")
    w.finish()


def cut_by_bytes(trace, bench):
    """Postgres, Redis and Kafka are cut after so many bytes, again and again, in all phases of an epoch."""
    w = World(bench, trace, ("pg", "redis"))
    w.fill(3000)
    p = w.pipe()
    for _ in range(12 if bench.long else 5):
        for name in ("pg", "redis", "kafka"):
            n = int(10 ** w.random.uniform(0, 5))
            trace.fault(f"{name} is cut after {n} bytes")
            bench.servers.proxy(name).cut_after(n)
        w.fill(1000)
        time.sleep(w.random.uniform(0.1, 0.6))
        w.check()
    bench.servers.calm()
    w.wait_caught_up()
    if p.codes:
        raise Failure(f"it left with {p.codes}, though a cut connection is none of a pipeline's business")
    w.finish()


def servers_restart(trace, bench):
    """Postgres shut down at once, Redis and the broker killed, each under load: the pipeline waits and goes on."""
    w = World(bench, trace, ("pg", "redis"))
    w.fill(3000)
    p = w.pipe()
    for name, sig in (("pg", "QUIT"), ("redis", "KILL"), ("kafka", "KILL")):
        w.fill(2000)
        trace.fault(f"{name} restarts ({sig})")
        bench.servers.restart(name, sig)
    w.wait_caught_up()
    if p.codes:
        raise Failure(f"it left with {p.codes}: a server that comes back within --retry-for is waited for")
    w.finish()


def leader_dies(trace, bench):
    """The leader of a partition of a three-node cluster is killed under load, and comes back."""
    if not bench.kafka3():
        raise Failure("the cluster of three did not start")
    w = World(bench, trace, ("pg", "redis"), cluster="kafka3")
    import log
    w.fill(3000)
    p = w.pipe()
    wait_until(60, "a first position", lambda: moved(w))
    node = bench.servers.node_of(log.leaders(w.brokers, w.topic)[0])
    trace.fault(f"{node}, leader of partition 0, is killed")
    bench.servers.sh("stop", node, "KILL")
    w.fill(3000)
    w.wait_caught_up()
    bench.servers.sh("start", node)
    w.fill(1000)
    w.wait_caught_up()
    if p.codes:
        raise Failure(f"it left with {p.codes}, though two of three brokers were there")
    w.finish()


def redis_past(trace, bench):
    """Redis restarts without the end of its file, and from an older copy of it."""
    w = World(bench, trace, ("pg", "redis"))
    w.fill(3000)
    w.once()
    copy = os.path.join(w.folder, "aof")
    bench.servers.redis_snapshot(copy)
    w.fill(3000)
    p = w.pipe()
    w.wait_caught_up()
    before = w.standing()["redis"]
    for how in ({"truncate": 20000}, {"snapshot": copy}):
        trace.fault(f"Redis restarts: {'from an older copy' if 'snapshot' in how else 'without its last 20,000 bytes'}")
        bench.servers.redis_restart(**how)
        if w.standing()["redis"] == before:
            raise Failure("Redis did not go back")
        w.check()
        w.fill(300)
        w.wait_caught_up()
    if 75 not in p.codes:
        raise Failure(f"nobody noticed: {p.codes}")
    w.finish()


TESTS = [
    ("two sinks apart: redis behind postgres", lambda t, b: behind(t, b, ("pg", "redis"), "redis"), True),
    ("two sinks apart: postgres behind redis", lambda t, b: behind(t, b, ("pg", "redis"), "pg"), True),
    ("two sinks apart: sqlite behind postgres", lambda t, b: behind(t, b, ("pg", "sqlite"), "sqlite"), True),
    ("three sinks, each at another position", all_apart, True),
    ("a store goes back under a running pipeline: 75", restored_live, True),
    ("zombie: applied already, skipped", zombie_skips, True),
    ("zombie: a conflict, 75 within seconds", zombie_conflicts, True),
    ("commits cut off from their answers", answer_lost, False),
    ("connections cut after N bytes", cut_by_bytes, False),
    ("postgres, redis and broker restart", servers_restart, False),
    ("redis loses its tail, and goes back to a copy", redis_past, False),
    ("the leader of a cluster is killed", leader_dies, False),
]
