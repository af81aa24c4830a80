"""Runs of commands, medians of them, and how they are told.

A result is a dict that goes into the JSON file as it is. Two shapes:
  compare()  {"task", "rounds", "results": {name: {"wall", "cpu", "peak"}}, "targets": [...]}   seconds, seconds, bytes; the first name is the reference
  figures()  {"task", "figures": {name: {"value", "unit"}}, "targets": [...]}                   what is no comparison of whole processes
A target is {"what", "value", "limit", "sense", "met"}; sense is "at least" or "at most". show() prints a result, verdicts() all targets at the end.
"""
import json, os, signal, statistics, subprocess, sys, tempfile

KEYS = ("wall", "cpu", "peak")


def die(text):
    sys.exit(f"run: {text}")


def say(text):
    print(text, flush=True)


def measure(command, out="/dev/null", limit_s=900):
    """One run of a shell command: wall seconds, CPU seconds of all of its processes, peak bytes of the largest (never below bash's own 3 MB).

    Ends the benchmark if the command fails or takes longer than limit_s."""
    with open(out, "wb") as f, tempfile.NamedTemporaryFile() as report:
        p = subprocess.Popen(["launch", report.name, "bash", "-o", "pipefail", "-c", command], stdin=subprocess.DEVNULL, stdout=f, start_new_session=True)
        try:
            code = p.wait(limit_s)
        except BaseException as e:
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            if not isinstance(e, subprocess.TimeoutExpired):
                raise
            die(f"this took more than {limit_s} s: {command}")
        if code:
            die(f"this failed with {code}: {command}")
        r = json.load(report)
    return {"wall": r["wall"], "cpu": r["user"] + r["system"], "peak": r["peak"]}


def median(runs):
    """The median of each key by itself."""
    return {k: statistics.median(r[k] for r in runs) for k in runs[0]}


def target(what, value, limit, sense="at least"):
    met = value >= limit if sense == "at least" else value <= limit
    return {"what": what, "value": round(value, 4), "limit": limit, "sense": sense, "met": met}


def ratios(title, results, goals, key):
    """Targets from goals: name -> least reference / ours, or (name of the reference, least)."""
    first = next(iter(results))
    for name, goal in (goals or {}).items():
        base, least = goal if isinstance(goal, tuple) else (first, goal)
        yield target(f"{title}: {base} / {name}, {key}", results[base][key] / results[name][key], least)


def compare(title, commands, rounds, goals=None, key="wall"):
    """Runs commands in turn, one warm-up and then rounds times; medians.

    commands: name -> shell command, or a function that returns what measure() does. The first is the reference.
    goals: name -> the least (reference / name) of key that is wanted, or (name of another reference, least)."""
    runs = {name: [] for name in commands}
    for i in range(rounds + 1):
        for name, command in commands.items():
            r = command() if callable(command) else measure(command)
            if i:
                runs[name].append(r)
    results = {name: median(rs) for name, rs in runs.items()}
    return {"task": title, "rounds": rounds, "results": results, "targets": list(ratios(title, results, goals, key))}


def figures(title, values, targets=()):
    """values: name -> (number, unit)."""
    return {"task": title, "figures": {name: {"value": v, "unit": unit} for name, (v, unit) in values.items()}, "targets": list(targets)}


def show(result):
    say(f"\n{result['task']}")
    results = result.get("results", {})
    base = next(iter(results.values()), None)
    for name, r in results.items():
        ratio = "" if r is base else f"   {base['wall'] / r['wall']:5.2f} x wall   {base['cpu'] / r['cpu']:5.2f} x cpu"
        say(f"  {name:<34} {r['wall']:8.3f} s wall {r['cpu']:8.3f} s cpu {r['peak'] / 1e6:8.1f} MB{ratio}")
    for name, f in result.get("figures", {}).items():
        say(f"  {name:<44} {f['value']:14,.1f} {f['unit']}")
    for name, text in result.get("text", {}).items():
        say(f"\n{name}\n{text}")


def verdicts(results):
    targets = [t for r in results for t in r.get("targets", [])]
    if targets:
        say("\ntargets")
    for t in targets:
        say(f"  {'met   ' if t['met'] else 'MISSED'} {t['value']:10.3f}  {t['sense']} {t['limit']:<8} {t['what']}")


def write_json(path, head, results):
    with open(path, "w") as f:
        json.dump({**head, "tasks": results}, f, indent=1)
        f.write("\n")
