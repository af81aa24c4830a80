"""The scanner's yardstick: simdjson on-demand on T1, both with one thread."""
import os
from files import T1, csv_rows, ours_rows, same
from measure import compare
from tools import HERE, cache, packages, sh


def build():
    source, program = os.path.join(HERE, "ref", "simdjson.cc"), os.path.join(cache(), "simdjson")
    packages("simdjson")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        sh(f"c++ -std=c++17 -O3 -march=native {source} -lsimdjson -o {program}")
    return program


def simdjson(bench):
    """T1 on one thread, against simdjson on-demand with the same kind of table"""
    program, file, fields = build(), bench.events(), ["endpoint", "status"]
    same("T1, simdjson", ours_rows(f"{T1} {file}", fields), csv_rows(f"{program} {file}", len(fields)))
    return compare("T1 on one thread", {"simdjson, iterate_many": f"{program} {file}", "simdjson, a call a line": f"{program} {file} lines",
                                        "hta-window": f"{T1} {file}"}, bench.rounds, {"hta-window": 1.2})


TASKS = {"simdjson": simdjson}
