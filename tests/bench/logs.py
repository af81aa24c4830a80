"""Access logs: lines of the combined format into records, against Miller with one regular expression a line, both on one processor."""
import json, os
from itertools import zip_longest
from measure import compare, die
from tools import HERE, packages, sh

ROUNDS = 3      # Miller takes minutes


def log_of(bench, lines):
    path = os.path.join(bench.folder, f"access-{lines}.log")
    if not os.path.exists(path):
        sh(f"python3 -B {HERE}/access_log.py {lines} >{path}.tmp && mv {path}.tmp {path}")
    sh(f"cat {path} >/dev/null")
    return path


def check_same(bench, commands):
    """Each command's records are the same, in their order; spaces and the order of members are not looked at."""
    files = [os.path.join(bench.folder, f"parsed-{i}.ndjson") for i in range(len(commands))]
    for file, command in zip(files, commands.values()):
        sh(f"{command} >{file}")
    with open(files[0]) as a, open(files[1]) as b:
        for n, (x, y) in enumerate(zip_longest(a, b), 1):
            if x is None or y is None or json.loads(x) != json.loads(y):
                die(f"the records differ in line {n}: {x} {y}")
    for file in files:
        os.unlink(file)


def parse(bench):
    """hta-parse on an access log of a fifth of --events lines, against Miller; both on one processor"""
    packages("filters", unless=("mlr",))
    log = log_of(bench, max(bench.n // 5, 1))
    commands = {
        "Miller, one regular expression": f"GOMAXPROCS=1 taskset -c 0 mlr --inidx --ifs ' ' --ojsonl put -q -f {HERE}/access.mlr {log}",
        "hta-parse": f"taskset -c 0 hta-parse --format combined {log}",
    }
    check_same(bench, commands)
    return compare("an access log to records, one processor", commands, min(bench.rounds, ROUNDS), {"hta-parse": 10}, "cpu")


TASKS = {"parse": parse}
