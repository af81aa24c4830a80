"""Starts that must not be guessed: each gets its exit code, a message that says what to do, and doing that helps."""
import re

import log as logs
from log import Metric
from pipes import run_once
from tap import Failure
from world import World


def told(w, code, *patterns, name="told", **how):
    """A start that ends with this code and these words."""
    _, said = w.once(name, want=code, **how)
    for p in patterns:
        if not re.search(p, said):
            raise Failure(f"exit {code} as it should be, but it does not say {p!r}:\n{said}")
    return said


def shift(w, name):
    """Another job and group over the same topic and stores."""
    w.job.name = w.job.group = name
    for s in w.stores.values():
        s.job = name


def reset(w, job, *names):
    """--reset JOB at the sinks: an act without input."""
    for n in names or w.stores:
        run_once(w.trace, w.job, f"reset-{n}", [w.stores[n].argv(init=False) + ["--reset", job]])


def topic_made_anew(trace, bench):
    """Positions beyond the end, and other records at the old offsets: 78; a new job reads what is there now."""
    for again in (200, 6000):
        w = World(bench, trace, ("pg", "redis"), proxied=False)
        w.fill(3000)
        w.once()
        trace.fault(f"the topic is made anew with {again} records")
        logs.kadm(w.brokers, "delete", w.topic)
        w.create()
        w.log.events.clear()
        w.fill(again)
        told(w, 78, "made anew", "another --job")
        reset(w, w.name)
        shift(w, w.name + "b")
        w.once()
        w.finish()


def sink_emptied_init(trace, bench):
    """One store was emptied at rest: 78 naming --bootstrap; init reads all again for it, and the other one counts nothing twice."""
    w = World(bench, trace, ("pg", "redis"), proxied=False)
    w.fill(3000)
    w.once()
    told(w, 64, "no such sink", "pg", "redis", source=("--bootstrap", "mysql=init"))
    told(w, 78, "redis has positions|redis: the sink has positions", "--reset", source=("--bootstrap", "redis=init"))
    trace.fault("redis is emptied")
    w.stores["redis"].empty()
    w.fill(500)
    told(w, 78, f"redis knows nothing of job {w.name}", "--bootstrap redis=init", "redis=now")
    w.bootstrap("redis")
    if any(at != 0 for at in w.standing()["redis"].values()):
        raise Failure("a bootstrap reads no record")
    w.once()
    w.finish()


def sink_emptied_now(trace, bench):
    """The same with now: it holds what comes from here on, and says so."""
    w = World(bench, trace, ("pg", "redis"), proxied=False)
    w.fill(3000)
    w.once()
    trace.fault("redis is emptied")
    w.stores["redis"].empty()
    w.bootstrap("redis", "now")
    at = w.standing()
    if at["redis"] != at["pg"]:
        raise Failure(f"now is where the others stand: {at}")
    w.fill(1000)
    w.once()
    w.finish()


def all_emptied(trace, bench):
    """All stores emptied: the group's commit tells, 78; one is bootstrapped, the other adopts its start."""
    w = World(bench, trace, ("pg", "redis"), proxied=False)
    w.fill(3000)
    w.once()
    trace.fault("all stores are emptied")
    for s in w.stores.values():
        s.empty()
    told(w, 78, f"group {w.name} has commits, but no sink knows job {w.name}", "--bootstrap pg=init", "pg=now")
    w.bootstrap("pg")
    w.fill(500)
    w.once()
    w.finish()


def two_starts(trace, bench):
    """Stores of two different starts of a job, and one of another start than the group's commit: 78."""
    w = World(bench, trace, ("pg", "redis"), proxied=False)
    w.fill(1000)
    w.once()
    w.stores["pg"].copy("first")
    for s in w.stores.values():
        s.empty()
    w.bootstrap("pg")
    w.once()
    trace.fault("postgres is given back the state of the first start")
    w.stores["pg"].restore("first")
    told(w, 78, "two different starts", "generations [0-9a-f]{16} and [0-9a-f]{16}", f"--reset {w.name}")
    told(w, 78, "another start of job", "has committed", f"--reset {w.name}", order=("pg",))
    reset(w, w.name, "pg")
    w.bootstrap("pg")
    w.fill(500)
    w.once()
    w.finish()


def metric_changed(trace, bench):
    """Another meaning under the same name: 78 with both definitions; --reset, then --bootstrap, begins anew with it."""
    w = World(bench, trace, ("pg", "redis"), proxied=False)
    w.fill(2000)
    w.once()
    before = w.job.metric
    w.job.metric = w.log.metric = Metric(by=("region",))
    told(w, 78, "metric events", r'"by":\["?endpoint|endpoint', "region", "--reset")
    w.log.metric = before
    w.check()
    reset(w, w.name)
    told(w, 78, "no sink knows job", "--bootstrap pg=init")
    w.bootstrap("pg")
    w.log = logs.Log(w.brokers, w.topic, w.job.metric)
    w.fill(200)
    w.once()
    w.finish()


def metric_of_another(trace, bench):
    """A metric in a table belongs to one job: 78 for another one; with a name of its own it is welcome."""
    w = World(bench, trace, ("pg", "sqlite"), proxied=False)
    w.fill(1000)
    w.once()
    trace.add("another job, the same tables and metric")
    w.job.name = w.job.group = w.name + "other"
    told(w, 78, "metric events", f"job {w.name}")
    w.job.window = ["--metric", "other"]
    w.once()
    w.job.name = w.job.group = w.name
    w.job.window = []
    w.finish()


def one_place_twice(trace, bench):
    """Two sinks of one job in one place would count everything twice: 78."""
    for kind in ("pg", "redis", "sqlite"):
        w = World(bench, trace, (kind,), proxied=False)
        w.fill(500)
        one, two = w.stores[kind].argv(), w.stores[kind].argv()
        two[two.index("--name") + 1] = "second"
        stages = w.job.stages(source=("-e",))
        w.once()
        w.fill(100)
        run_once(trace, w.job, "twice", stages[:2] + [one, two] + stages[-1:], 78)
        run_once(trace, w.job, "instead", stages[:2] + [two] + stages[-1:], 78)
        w.check()
        w.once()
        w.finish()


def groups_and_jobs(trace, bench):
    """A group has one job and a job one group: 78 both ways."""
    w = World(bench, trace, ("pg", "redis"), proxied=False)
    w.fill(1000)
    w.once()
    w.job.window = ["--metric", "other"]
    told(w, 78, f"group {w.name} belongs to job {w.name}", source=("-e", "--job", "stranger"))
    w.job.window = []
    if w.stores["pg"].sql("select count(*) from hta_metric").strip() != "1":
        raise Failure("a job that was refused has taken the name of its metric")
    w.job.group = w.name + "x"
    told(w, 78, f"{w.name}x", "group", source=("-e", "--job", w.name))
    w.job.group = w.name
    w.finish()


def new_sink(trace, bench):
    """A new sink in an old job: 78 naming --bootstrap; init fills it from the start."""
    w = World(bench, trace, ("pg", "sqlite"), proxied=False)
    w.fill(3000)
    w.once(order=("pg",))
    told(w, 78, "sqlite knows nothing of job", "pg is further than its start", "--bootstrap sqlite=init")
    w.bootstrap("sqlite")
    w.fill(500)
    w.once()
    w.finish()


def dry_run(trace, bench):
    """--dry-run says what would be, 78 included, and changes nothing."""
    w = World(bench, trace, ("pg", "redis"), proxied=False)
    w.fill(1000)
    w.once()
    w.fill(100)
    before = w.standing()
    told(w, 0, "sink pg: generation", r"would start at \d+, lag \d+", source=("--dry-run",))
    w.stores["redis"].empty()
    told(w, 78, "sink redis: holds nothing", "--bootstrap redis=init", source=("--dry-run",))
    if w.standing(["pg"]) != {"pg": before["pg"]}:
        raise Failure("a dry run has changed positions")
    w.bootstrap("redis")
    w.once()
    w.finish()


TESTS = [
    ("a topic made anew: 78, a new job", topic_made_anew, True),
    ("a store emptied at rest: 78, --bootstrap init", sink_emptied_init, True),
    ("a store emptied at rest: --bootstrap now", sink_emptied_now, True),
    ("all stores emptied, then bootstrapped", all_emptied, True),
    ("two different starts of a job: 78", two_starts, True),
    ("another meaning of a metric: 78, --reset", metric_changed, True),
    ("a metric of another job: 78", metric_of_another, True),
    ("one group, one job: 78", groups_and_jobs, True),
    ("two sinks in one place: 78", one_place_twice, True),
    ("a new sink in an old job: 78, --bootstrap", new_sink, True),
    ("--dry-run tells and changes nothing", dry_run, True),
]
