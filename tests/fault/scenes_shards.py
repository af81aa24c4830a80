"""One store over several machines: sinks with --shard, each a sink of its own in the catch-up rule. Shards are killed, put back to an older state and
catch up; together they are the recount, and what hta-query reads of them is what a single store beside them has."""
import json
import os
import signal
import subprocess
import time

from stores import Pg, Sqlite
from tap import Failure, wait_until
from world import World


def shard(store, base, i, n):
    """A store that has shard i of n: its sink is named with both."""
    argv = store.argv

    def with_shard(init=True):
        program, _, _, *rest = argv(init)
        return [program, "--name", base, "--shard", f"{i}/{n}", *rest]
    store.argv = with_shard
    store.shard = (i, n)
    store.name = f"{base}:{i}/{n}"
    return store


def world(bench, trace):
    """Two databases and a file, and beside them one that has all."""
    w = World(bench, trace, ("pg", "sqlite"), proxied=False)
    whole, one = w.stores.pop("sqlite"), w.stores.pop("pg")
    w.stores["a"] = shard(one, "part", 1, 3)
    w.stores["b"] = shard(Pg(w.servers, w.name + "b", w.name, proxied=False), "part", 2, 3)
    w.stores["c"] = shard(Sqlite(os.path.join(w.folder, "part"), w.name), "part", 3, 3)
    w.stores["whole"] = whole
    return w


def place(store):
    return store.argv()[-1].replace(" ", "%20") if isinstance(store, Sqlite) else "postgresql://hta@127.0.0.1:%d/%s" % (store.servers.port("pg"), store.db)


def rows(where, *command):
    p = subprocess.run(["hta-query", "-d", where, *command, "--format", "json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if p.returncode:
        raise Failure(f"hta-query {command}: {p.stderr.decode(errors='replace')}")
    return sorted(json.dumps({k: v for k, v in json.loads(line).items() if k not in ("updated_at",)}, sort_keys=True) for line in p.stdout.splitlines())


def same_to_read(w):
    parts = "shards:" + ",".join(place(w.stores[n]) for n in "abc")
    metric = w.log.metric.name
    for command in (("history", metric), ("latest", metric), ("history", metric, "--step", "1h")):
        one, all_of_them = rows(w.stores["whole"].path, *command), rows(parts, *command)
        if one != all_of_them or not one:
            raise Failure(f"{command}: {len(all_of_them)} rows of the shards, {len(one)} of the one; first difference: "
                          f"{next(((a, b) for a, b in zip(one, all_of_them) if a != b), 'one of them ends')}")
        w.trace.count("rows compared", len(one))


def killed_and_restored(trace, bench, faults):
    w = world(bench, trace)
    w.fill(1000)
    for n in "abc":
        if n == "a":
            w.once()
        w.stores[n].copy("old")
    for _ in range(2):
        w.pipe()
    for k in range(faults):
        w.fill(w.random.randint(100, 600))
        time.sleep(w.random.uniform(0.05, 0.6))
        p = w.random.choice(w.pipes)
        if w.random.random() < 0.3:
            n = w.random.choice("abc")
            w.stores[n].restore("old")
            trace.fault(f"{n} is given back its first state", "shards restored")
        elif p.stage(2):
            p.signal(signal.SIGKILL, 2 + w.random.randrange(4))
            trace.fault(f"{p.name}: a sink killed", "stages killed")
        if k % 5 == 4:
            w.check()
    w.fill(500)
    w.wait_caught_up()
    wait_until(60, "pipelines that go on", lambda: w.live())
    same_to_read(w)
    w.finish()


TESTS = [
    ("shards: killed and restored, together they are the recount", lambda t, b: killed_and_restored(t, b, 100 if b.long else 15), True),
]
