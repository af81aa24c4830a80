"""hta-sink-kafka in a job over files: a clean topic and one of dead letters out of files that grow, with positions in a topic. A reader of committed
records must find each record once, whatever is killed, put out by a second process, woken up again, and with a broker that dies."""
import os
import signal
import time

import log as logs
import pages
from pipes import AGAIN, Run
from scenes_kafka_sink import SINK, Clean
from tap import Failure, wait_until

CRASHES = [(SINK, p) for p in ("line-half", "barrier-before", "barrier-after", "sink-inside", "sink-sent", "sink-init")] + [
    (1, "barrier-after"), (3, "barrier-before")]


class Files(Clean):
    """Two files in the place of the topic: a life reads what is new in them, and leaves with 0."""

    def __init__(self, bench, trace):
        super().__init__(bench, trace, partitions=2)
        self.topics["positions"] = self.name + ".positions"
        self.files = [os.path.join(self.folder, f"{k}.ndjson") for k in "ab"]
        self.others = []
        self.produce(50)
        self.produce(50)

    def stages(self, timeout_ms=4000, run=None):
        source = ["hta-consume", "-v", "--job", self.name, "--epoch-records", "20", *self.files]
        sink = ["hta-sink-kafka", "-v", "-b", self.brokers, "-t", self.topics["clean"], "--dead-topic", self.topics["dlq"], "--key", "n",
                "--positions", self.topics["positions"], "--init", "-X", f"transaction.timeout.ms={timeout_ms}"]
        stages = [source, ["hta-filter", "."], sink, ["hta-commit"]]
        return [s + ["--run", run] for s in stages] if run else stages

    def produce(self, count):
        with open(self.files[(self.n // 7) % 2], "ab") as f:
            for line in self.new_lines(count):
                f.write(line + b"\n")

    def other(self):
        """A process of the same job on another host: it has a run folder of its own."""
        n = len(self.others)
        run = os.path.join(self.folder, f"run{n}")
        os.mkdir(run, 0o700)
        self.others.append(Run(self.stages(run=run), os.path.join(self.folder, f"other{n}.log")))
        self.trace.ends.append(self.others[-1].end)
        return self.others[-1]

    def finish(self, seconds=120):
        wait_until(seconds, lambda: f"all records, missing {self.missing()}", self.check)
        for p in self.pipes:
            p.leave()
            if p.fatal:
                raise Failure(f"{p.name} left with {p.fatal}")
        if not self.check():
            raise Failure("records went away at the end")
        for topic in self.topics.values():
            logs.kadm(self.brokers, "delete", topic)


# ---- one fault each: None where nothing was there to be hit

def kill_stage(w, p):
    i = w.random.randrange(4)
    if not p.stage(i):
        return None
    p.signal(signal.SIGKILL, i)
    return f"{p.name}: {p.stages[i][0]} killed", "stages killed"


def kill_pipe(w, p):
    if not p.stage(SINK):
        return None
    p.signal(signal.SIGKILL)
    return f"{p.name} killed", "pipelines killed"


def put_out(w, p):
    """The sink sleeps, a second process reads on from where it stood, and the first one wakes up."""
    if not p.stage(SINK):
        return None
    run = p.run
    p.signal(signal.SIGSTOP, SINK)
    w.produce(w.random.randint(20, 100))
    other = w.other()
    if w.random.random() < 0.3:
        time.sleep(w.random.uniform(0, 0.3))
        other.signal(signal.SIGKILL, w.random.randrange(4))
    code = other.wait(60)
    if not other.killed and code not in (0, *AGAIN):
        raise Failure(f"the second process left with {code}:\n{other.said()[-3000:]}")
    w.check()
    run.signal(signal.SIGCONT, SINK)
    return f"{p.name} put out by a second process, which left with {code}", "processes put out"


def meet(w, p):
    """A second process while the first one is awake: either may put out the other."""
    other = w.other()
    code = other.wait(60)
    if code not in (0, *AGAIN):
        raise Failure(f"the second process left with {code}:\n{other.said()[-3000:]}")
    return f"a second process left with {code}", "second processes"


KINDS = [kill_stage] * 5 + [kill_pipe] * 2 + [put_out] * 2 + [meet]


def many(trace, bench, faults):
    """Random faults on a process that is started again and again. In between and in the end: each record once."""
    w = Files(bench, trace)
    done = 0

    def crashes():
        if done < faults and w.random.random() < 0.4:
            i, point = w.random.choice(CRASHES)
            return i, f"{point}:{w.random.randint(1, 6)}"
        return None
    p = w.pipe(crashes)
    while done < faults:
        w.produce(w.random.randint(50, 200))
        time.sleep(w.random.uniform(0, 0.3))
        hit = w.random.choice(KINDS)(w, p)
        if hit:
            trace.fault(*hit)
        done = trace.counts.get("faults", 0)
        if w.random.random() < 0.2:
            w.check()
    p.start_without_crash()
    w.produce(100)
    w.finish()


def sleeps_and_wakes(w, n):
    """The n-th of them; true: it was refused when it woke up. False: it slept within a commit, whose time was over then."""
    w.produce(6000)
    one = Run(w.stages(), os.path.join(w.folder, f"one{n}.log"))
    w.trace.ends.append(one.end)
    # by its page: a reader of the topic is so slow that all might be done
    wait_until(60, "the first epochs", lambda: pages.counter("hta-sink-kafka", one.procs[SINK].pid, "epochs_acked") > 0)
    one.signal(signal.SIGSTOP, SINK)
    w.trace.fault("a process sleeps", "zombies")
    other = w.other()
    if other.wait(60) != 0:
        raise Failure(f"the second process did not end its work: {other.codes()}\n{other.said()[-3000:]}")
    # the broker has answered the last commit, its readers see it when the markers are written
    wait_until(60, lambda: f"the second process's records, missing {w.missing()}", w.check)
    one.signal(signal.SIGCONT, SINK)
    code = one.wait(60)
    refused = "has put this one out" in one.said()
    if one.codes()[SINK] != 75 or not refused and "commit: Timed out" not in one.said():
        raise Failure(f"the zombie's sink left with {one.codes()}, {code}:\n{one.said()[-3000:]}")
    return refused


def zombie(trace, bench):
    """Put out in the middle of an epoch: it wakes up, is refused, and leaves with 75; what the second one wrote stays."""
    w = Files(bench, trace)
    if not any(sleeps_and_wakes(w, n) for n in range(8)):
        raise Failure("all of them slept within a commit, none was refused")
    w.finish()


def broker(trace, bench, times):
    """The broker is killed in the middle of epochs, and is there again."""
    w = Files(bench, trace)
    p = w.pipe()
    for _ in range(times):
        w.produce(1500)
        wait_until(60, "a process at work", lambda: p.stage(SINK))
        time.sleep(w.random.uniform(0, 0.6))
        bench.servers.restart("kafka", "KILL")
        trace.fault("the broker was killed", "brokers killed")
    w.finish()


TESTS = [
    ("kafka sink, files: a zombie is refused by the broker", zombie, True),
    ("kafka sink, files: random faults, each record once", lambda t, b: many(t, b, 200 if b.long else 20), True),
    ("kafka sink, files: the broker dies", lambda t, b: broker(t, b, 5 if b.long else 1), False),
]
