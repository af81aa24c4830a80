"""Files and pipes: gen t1 t2 shuffled pipe. Ours against DuckDB on the same bytes."""
import csv, functools, json, mmap, os, subprocess
from decimal import Decimal
from measure import compare, die, measure, say
from tools import duckdb, sh

T1 = "hta-window --by endpoint,status --value latency_ms"
T2 = "hta-window --by customer --value payload.price --uniq user_id"


def output(command):
    return sh(command, stdout=subprocess.PIPE).decode().splitlines()


def ours_rows(command, fields):
    """Rows of hta-window as sorted tuples: start, dimensions, count, sum, distinct."""
    rows = []
    for line in output(command):
        r = json.loads(line, parse_float=Decimal)
        rows.append((r["window_start"], *[str(r["dims"][f]) for f in fields], r["count"], Decimal(r["sum"]), r.get("uniq")))
    return sorted(rows, key=lambda r: r[:-3])


def csv_rows(command, n):
    """Lines of start, n dimensions, count, sum[, distinct] as ours_rows() has them."""
    rows = []
    for r in csv.reader(output(command)):
        rows.append((*r[:1 + n], int(r[1 + n]), Decimal(r[2 + n]), int(r[3 + n]) if len(r) > 3 + n else None))
    return sorted(rows, key=lambda r: r[:-3])


def same(what, ours, theirs):
    """Counts and sums must be equal; distinct counts, where both have them, within what a sketch may be off."""
    if [r[:-1] for r in ours] != [r[:-1] for r in theirs]:
        die(f"{what}: results differ ({len(ours)} and {len(theirs)} rows)")
    pairs = [(x[-1], y[-1]) for x, y in zip(ours, theirs) if x[-1] and y[-1]]
    worst = max((abs(x - y) / y for x, y in pairs if y > 1000), default=0)
    if worst > 0.04:
        die(f"{what}: distinct counts are {worst:.1%} off")
    say(f"{what}: {len(ours)} rows, equal" + (f"; distinct within {worst:.2%}" if pairs else ""))


def against_duckdb(bench, title, command, file, fields, task, one, two):
    duck = f"{duckdb()} {task} {file}"
    same(title, ours_rows(f"{command} {file}", fields), csv_rows(f"{duck} 2", len(fields)))
    return compare(title, {"DuckDB, 2 threads": f"{duck} 2", "DuckDB, 1 thread": f"{duck} 1", "hta-window, 1 thread": f"{command} {file}",
                           "hta-window -j 2": f"{command} -j 2 {file}"}, bench.rounds, {"hta-window, 1 thread": one, "hta-window -j 2": two})


def gen(bench):
    """hta-gen alone against what it feeds: T1, which reads the same events from a file or from hta-gen"""
    gen = f"{bench.gen} --count {bench.n}"
    return compare("generator", {"hta-window, a file, T1": f"{T1} {bench.events()}", "hta-gen | hta-window, T1": f"{gen} | {T1}", "hta-gen": gen}, bench.rounds,
                   {"hta-gen": 1})


def t1(bench):
    """T1: minute x endpoint, status: count, sum(latency_ms), against DuckDB"""
    return against_duckdb(bench, "T1", T1, bench.events(), ["endpoint", "status"], "t1", 2.2, 4)


def t2(bench):
    """T2: minute x customer: count, sum(payload.price), distinct user_id, against DuckDB"""
    return against_duckdb(bench, "T2", T2, bench.events(), ["customer"], "t2", 2.5, 3.5)


def shuffled(bench):
    """T1 with the keys of every line in another order, against DuckDB"""
    return against_duckdb(bench, "T1, keys shuffled", T1, bench.shuffled(), ["endpoint", "status"], "t1", 1.5, 2.5)


WARM_BYTES, STEP = 5 << 28, 1 << 20


def warm(processor):
    """Takes memory on that processor, writes it and gives it back: the kernel keeps such pages for what asks on the same processor next."""
    os.sched_setaffinity(0, {processor})
    with mmap.mmap(-1, min(WARM_BYTES, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGESIZE") // 4)) as m:
        for at in range(0, len(m) - STEP, STEP):
            m[at:at + STEP] = bytes(STEP)


def warmed(command):
    """measure() of a command whose pipe gets pages that are there. README.md says why."""
    for processor in os.sched_getaffinity(0):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                warm(processor)
                code = 0
            finally:
                os._exit(code)
        if os.waitpid(pid, 0)[1]:
            die("no memory to warm up with")
    return measure(command)


def pipe(bench):
    """T1 from a pipe, against DuckDB on its standard input"""
    readers = {"DuckDB, 2 threads": f"{duckdb()} t1 /dev/stdin 2", "hta-window": T1, "cat": "cat"}
    return compare("T1 from a pipe", {f"cat | {name}": functools.partial(warmed, f"cat {bench.events()} | {reader}") for name, reader in readers.items()},
                   2 * bench.rounds + 1, {"cat | hta-window": 4})


TASKS = {"gen": gen, "t1": t1, "t2": t2, "shuffled": shuffled, "pipe": pipe}
