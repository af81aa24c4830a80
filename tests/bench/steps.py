"""Where an event's time goes, by step, against what the machine allows: a table in Markdown for README.md."""
import json, os, subprocess
from files import T1, T2
from measure import figures, measure, median
from tools import sh


def tool(kind, file):
    return json.loads(sh(["steps", kind, file], stdout=subprocess.PIPE))


def whole(bench, command, n):
    """CPU nanoseconds an event of a whole process, the median of the rounds."""
    return median([measure(command) for _ in range(bench.rounds)])["cpu"] * 1e9 / n


def table(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def steps(bench):
    """nanoseconds an event by step, T1, T1 shuffled and T2 on one thread, and the machine's limits, as Markdown"""
    file, other = bench.events(), bench.shuffled()
    columns = {"T1": ("t1", file, T1), "T1, shuffled": ("t1", other, T1), "T2": ("t2", file, T2)}
    spent = {name: tool(kind, path) for name, (kind, path, _) in columns.items()}
    n = spent["T1"]["events"]
    size = os.path.getsize(file) / n
    names = [s for s in spent["T1"] if s != "events"]
    rows = [[s, *(f"{spent[c][s]:.1f}" for c in columns)] for s in names]
    rows.append(["sum", *(f"{sum(spent[c][s] for s in names):.1f}" for c in columns)])
    rows.append(["the whole process, CPU", *(f"{whole(bench, f'{command} {path}', n):.1f}" for _, path, command in columns.values())])
    limits = [[s, f"{gb_s:.1f}", f"{size / gb_s:.1f}"] for s, gb_s in tool("limits", file).items() if s != "sum"]
    ns = whole(bench, f"wc -l {file}", n)
    limits.append(["newline scan alone, read included (wc -l)", f"{size / ns:.1f}", f"{ns:.1f}"])
    result = figures("steps", {f"{c}: {s}": (spent[c][s], "ns an event") for c in columns for s in names})
    text = table(["nanoseconds an event, one thread", *columns], rows) + "\n\n" + table(["what the machine allows, one thread", "GB/s", "ns an event"], limits)
    return {**result, "text": {f"Lines of {size:.0f} bytes, {n} events:": text}}


TASKS = {"steps": steps}
