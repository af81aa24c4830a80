"""hta-dedup: a fifth of the events are there twice, over as many keys as there are other events; plain, with its states, and in a job from Kafka into Postgres."""
import json, os, random, shutil, subprocess
from files import T1
from kafka import topic_of
from measure import compare, die, figures, measure, median, target
from stores import Fresh, sql
from tools import sh

KEY = "hta-dedup -q --key event_id"


def doubled(bench):
    """Paths of a file of n events of which a fifth were there before, anywhere, and of the others."""
    first = bench.events(bench.n * 4 // 5)
    path = os.path.join(bench.folder, "doubled.ndjson")
    if not os.path.exists(path):
        rng, seen = random.Random(1), []
        with open(first, "rb") as f, open(path + ".tmp", "wb") as g:
            for i, line in enumerate(f):
                g.write(line)
                if len(seen) < 20000:
                    seen.append(line)
                elif rng.random() < 20000 / i:      # so each line before has the same chance to be among them
                    seen[rng.randrange(len(seen))] = line
                if i % 4 == 3:
                    g.write(rng.choice(seen))
        os.rename(path + ".tmp", path)
    sh(f"cat {path} >/dev/null")
    return path, first


def of_dedup(command, report):
    """The CPU seconds of hta-dedup in a pipeline, beside its wall seconds."""
    r = measure(command)
    with open(report) as f:
        own = json.load(f)
    return {**r, "cpu": own["user"] + own["system"]}


def empty_state(bench):
    """The path of a state that is not there."""
    state = os.path.join(bench.folder, "dedup-keys")
    for path in (state, state + "-wal"):
        shutil.rmtree(path, ignore_errors=True)
        if os.path.exists(path):
            os.remove(path)
    return state


def stated(bench, file, state):
    """One run of a job of the file with a state: epochs of a second, each durable."""
    report = os.path.join(bench.folder, "dedup.json")
    return of_dedup(f"hta-consume -q --job dedup --dead drop --epoch 1s -e {file} | launch {report} {KEY} --dead drop --state {state} | hta-commit -q", report)


def shared(bench, file):
    """The same with Redis, which writes before it answers; CPU is the server's."""
    def used():
        said = sh(f"redis-cli -u {url} info cpu", stdout=subprocess.PIPE, text=True)
        return sum(float(line.split(":")[1]) for line in said.splitlines() if line.startswith(("used_cpu_user:", "used_cpu_sys:")))
    url = os.environ["REDIS_URL"]
    sh(f"redis-cli -u {url} flushdb && redis-cli -u {url} config set appendfsync always", stdout=subprocess.DEVNULL)
    before = used()
    r = stated(bench, file, url)
    return {**r, "cpu": used() - before}


def alone(bench):
    """Events a second, of hta-dedup alone."""
    file, first = doubled(bench)
    sh(f"{KEY} {file} | cmp - {first}")
    bench.service("redis")
    values, found = {}, {}
    runs = {"plain": lambda: measure(f"{KEY} {file}"), "a file": lambda: stated(bench, file, empty_state(bench)),
            "lmdb": lambda: stated(bench, file, "lmdb:" + empty_state(bench)), "redis": lambda: shared(bench, file)}
    for name, run in runs.items():
        run()
        r = found[name] = median([run() for _ in range(bench.rounds)])
        values |= {f"{name}, wall": (bench.n / r["wall"], "events/s"), f"{name}, its CPU": (bench.n / r["cpu"], "events/s"),
                   f"{name}, peak": (r["peak"] / 1e6, "MB")}
    return figures("hta-dedup, a fifth duplicates", values,
                   [target("a file, M events a second and core, durable each second", bench.n / found["a file"]["cpu"] / 1e6, 1),
                    target("redis, k events a second, durable each second", bench.n / found["redis"]["wall"] / 1e3, 120)])


def in_job(bench):
    """A job from Kafka into Postgres, with it and without."""
    fresh = Fresh(bench, "dedup")
    bench.service("pg")
    with topic_of(bench, load=False) as (broker, topic):
        sh(f"kcat -P -b {broker} -t {topic} -X sticky.partitioning.linger.ms=0 -X queue.buffering.max.messages=1000000 <{doubled(bench)[0]}")

        def job(stage):
            name = fresh.name()
            with_it = f"| {KEY} --dead drop --state {empty_state(bench)}" if stage else ""
            r = measure(f"hta-consume -q -b {broker} -t {topic} -g {name} -e {with_it} | {T1} -q | hta-sink-pg -q --init --table {name} | hta-commit -q")
            counted = int(sql(f"select sum(count) from {name}"))
            if counted != (bench.n * 4 // 5 if stage else bench.n):
                die(f"dedup: {counted} events counted")
            return r
        r = compare("Kafka -> T1 -> Postgres, a fifth duplicates", {"without": lambda: job(False), "with hta-dedup": lambda: job(True)}, bench.rounds)
    r["targets"] = [target("Kafka -> T1 -> Postgres, with hta-dedup / without, wall", r["results"]["with hta-dedup"]["wall"] / r["results"]["without"]["wall"], 1.7, "at most")]
    return r


def dedup(bench):
    """hta-dedup, a fifth of the events there before: alone, with each state, and in a job from Kafka into Postgres"""
    return [alone(bench), in_job(bench)]


TASKS = {"dedup": dedup}
