"""Memory: what a group costs, what T1 and T2 hold; and a hot key against a uniform load."""
import os
from files import T1, T2
from measure import compare, figures, measure, target
from tools import sh

GROUPS = {"count, keys of 36 bytes": "--by event_id", "count and sum, keys of 36 bytes": "--by event_id --value latency_ms",
          "count, two keys of 7 and 9 bytes": "--by customer,user_id", "count and sum, two keys of 7 and 9 bytes": "--by customer,user_id --value latency_ms"}


def memory(bench):
    """peak resident bytes a group at two groups an event (10 M), and of T1 and T2 on one thread"""
    count, rows, values, targets = 2 * bench.n, os.path.join(bench.folder, "rows"), {}, []
    for name, options in GROUPS.items():
        r = measure(f"hta-gen --zipf 0 --count {count} | hta-window {options} | wc -l", out=rows)
        with open(rows) as f:
            groups = int(f.read())
        values[f"{name}: groups"] = (groups, "")
        values[f"{name}: peak a group"] = (r["peak"] / groups, "bytes")
        targets.append(target(f"bytes a group, {name}", r["peak"] / groups, 200, "at most"))
    os.unlink(rows)
    for name, command, most in ("T1", T1, 16), ("T2", T2, 96):
        peak = measure(f"{command} {bench.events()}")["peak"] / 1e6
        values[f"{name}, 1 thread: peak"] = (peak, "MB")
        targets.append(target(f"MB resident, {name}, 1 thread", peak, most, "at most"))
    return figures("memory", values, targets)


def hot(bench):
    """T2 with 90 % of the events at one key, against uniform keys in a file of the same size"""
    files = {}
    for name, options in ("uniform", "--zipf 0"), ("hot", "--zipf 0 --hot-key-prob 0.9"):
        files[name] = os.path.join(bench.folder, f"{name}.ndjson")
        if not os.path.exists(files[name]):
            sh(f"hta-gen --count {bench.n} {options} >{files[name]}.tmp && mv {files[name]}.tmp {files[name]}")
    results = []
    for threads in 1, 2:
        name = f"hot key at 90 %, {threads} thread{'s'[:threads - 1]}"
        results.append(compare(name, {kind: f"{T2} -j {threads} {files[kind]}" for kind in files}, bench.rounds, {"hot": 1}))
    for path in files.values() if not bench.keep else ():
        os.unlink(path)
    return results


TASKS = {"memory": memory, "hot": hot}
