"""hta-sink-kafka: a clean topic and a topic of dead letters out of a dirty one. A reader of committed records must find each record once, whatever is
killed, stopped and woken up again, with two pipelines of one group."""
import itertools
import os
import signal
import subprocess
import time
from collections import Counter

import log as logs
import pages
from pipes import SESSION_MS, Job, Supervised
from tap import Failure, Mismatch, wait_until

CRASHES = [(2, p) for p in ("line-half", "barrier-before", "barrier-after", "sink-inside", "sink-sent", "sink-init")] + [
    (0, "source-assigned"), (0, "source-revoked"), (0, "source-init"), (1, "barrier-after"), (3, "barrier-before")]
SINK = 2
numbers = itertools.count(1)


class Clean:
    """in -> hta-filter -> clean and dlq. A record is a number, or no JSON; the oracle is what was produced."""
    sink = SINK             # index of its stage

    def __init__(self, bench, trace, partitions=3, cluster="kafka"):
        self.trace = trace
        trace.count("jobs")
        self.random = __import__("random").Random(f"{bench.seed} {trace.name}")
        self.brokers = bench.servers.brokers(cluster)
        self.name = f"{bench.mark}k{os.getpid()}_{next(numbers)}"
        self.folder = os.path.join(bench.folder, self.name)
        os.mkdir(self.folder)
        self.topics = {k: f"{self.name}.{k}" for k in ("in", "clean", "dlq")}
        for k, topic in self.topics.items():
            logs.kadm(self.brokers, "create", topic, 1 if k == "dlq" else partitions)
        self.want = {"clean": Counter(), "dlq": Counter()}
        self.n = 0
        self.pipes = []
        self.job = Job(self.name, self.topics["in"], self.brokers, self.brokers, None, {}, self.folder)

    def stages(self, timeout_ms=4000):
        source = ["hta-consume", "-v", "-b", self.brokers, "-t", self.topics["in"], "-g", self.name, "-X", f"session.timeout.ms={SESSION_MS}",
                  "-X", "heartbeat.interval.ms=400", "-X", "max.poll.interval.ms=6000", "--epoch", "50ms", "--epoch-records", "500"]
        sink = ["hta-sink-kafka", "-v", "-b", self.brokers, "-t", self.topics["clean"], "--dead-topic", self.topics["dlq"], "--key", "n",
                "-X", f"transaction.timeout.ms={timeout_ms}"]
        return [source, ["hta-filter", "."], sink, ["hta-commit"]]

    def pipe(self, crashes=lambda: None, timeout_ms=4000):
        p = Supervised(self.trace, self.job, f"pipe{len(self.pipes)}", self.stages(timeout_ms), crashes)
        self.pipes.append(p)
        return p

    def new_lines(self, count):
        lines = []
        for _ in range(count):
            self.n += 1
            bad = self.n % 50 == 0
            lines.append(b"no JSON %d" % self.n if bad else b'{"n":%d}' % self.n)
            self.want["dlq" if bad else "clean"][lines[-1]] += 1
        return lines

    def produce(self, count):
        lines = self.new_lines(count)
        p = subprocess.run(["kcat", "-P", "-b", self.brokers, "-t", self.topics["in"], "-X", "sticky.partitioning.linger.ms=0"],
                           input=b"\n".join(lines) + b"\n", stderr=subprocess.PIPE, timeout=60)
        if p.returncode:
            raise Failure(f"kcat -P: {p.stderr.decode(errors='replace')}")

    def read(self, kind):
        """What a reader of committed records finds, whole lines with how often."""
        p = subprocess.run(["kcat", "-C", "-q", "-b", self.brokers, "-t", self.topics[kind], "-o", "beginning", "-e", "-X", "isolation.level=read_committed"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if p.returncode:
            raise Failure(f"kcat -C: {p.stderr.decode(errors='replace')}")
        return Counter(p.stdout.splitlines())

    def check(self):
        """At any moment: nothing twice, nothing that was not produced. True: and all is there."""
        whole = True
        for kind, want in self.want.items():
            found = self.read(kind)
            self.trace.count("comparisons")
            self.trace.count("records compared", sum(found.values()))
            twice = [r for r, n in found.items() if n > want[r]]
            if twice:
                raise Mismatch(f"{kind}: {len(twice)} records too often or not ours: {[(r, found[r]) for r in twice[:10]]}")
            whole = whole and found == want
        for p in self.pipes:
            if p.fatal:
                raise Failure(f"{p.name} left with {p.fatal}, and a supervisor must not start it again")
        return whole

    def missing(self):
        return {k: sorted((want - self.read(k)))[:10] for k, want in self.want.items()}

    def finish(self, seconds=120):
        wait_until(seconds, lambda: f"all records, missing {self.missing()}", self.check)
        self.wait_committed(10)
        for p in self.pipes:
            if p.alive() and p.leave() != 0:
                raise Failure(f"{p.name}: {p.codes[-1]} at TERM, not 0")
        if not self.check():
            raise Failure("records went away at the end")
        commits, ends = self.commits(), self.log_ends()
        if commits != ends:
            raise Failure(f"committed {commits}, the log's ends are {ends}")
        for topic in self.topics.values():
            logs.kadm(self.brokers, "delete", topic)

    def wait_committed(self, seconds):
        """What is stored is committed a moment later, and who leaves in the middle of a rebalance can commit nothing. Not waited for to the end, as in World."""
        try:
            wait_until(seconds, "commits at the log's ends", lambda: self.commits() == self.log_ends())
        except Failure as e:
            self.trace.add(str(e))

    def log_ends(self):
        return {p: high for p, (_, high) in logs.ends(self.brokers, self.topics["in"]).items()}

    def commits(self):
        lines = logs.kadm(self.brokers, "committed", self.name, self.topics["in"]).splitlines()
        return {int(f[0]): int(f[1]) for f in (line.split() for line in lines) if f and f[0].isdigit() and f[1] != "-"}


# ---- one fault each: None where nothing was there to be hit

def kill_stage(w, p):
    i = w.random.randrange(4)
    if not p.signal(signal.SIGKILL, i):
        return None
    return f"{p.name}: {p.stages[i][0]} killed", "stages killed"


def kill_pipe(w, p):
    if not p.signal(signal.SIGKILL):
        return None
    return f"{p.name} killed", "pipelines killed"


def sleep_pipe(w, p):
    """Longer than its session: a zombie when it wakes up."""
    if not p.signal(signal.SIGSTOP):
        return None
    w.produce(w.random.randint(100, 600))
    time.sleep(w.random.uniform(0.1, SESSION_MS / 1000 + 1))
    p.signal(signal.SIGCONT)
    return f"{p.name} slept", "pipelines stopped and woken up"


def sleep_sink(w, p):
    """The source goes on, and may lose its partitions meanwhile; the sink wakes up with old epochs in its pipe."""
    if not p.signal(signal.SIGSTOP, w.sink):
        return None
    w.produce(w.random.randint(100, 600))
    time.sleep(w.random.uniform(0, 0.3))
    p.signal(signal.SIGSTOP, 0)
    time.sleep(w.random.uniform(0.1, SESSION_MS / 1000 + 1))
    p.signal(signal.SIGCONT, w.sink)
    time.sleep(w.random.uniform(0, 0.2))
    p.signal(signal.SIGCONT)
    return f"{p.name}: its sink slept", "sinks stopped and woken up"


KINDS = [kill_stage] * 5 + [kill_pipe] * 2 + [sleep_pipe] + [sleep_sink]


def under_faults(w, trace, most, points, kinds, produce, proxy=None):
    """Two pipelines, which die at crash points too, and random faults on them; in between it is looked whether all is well. In the end they live on."""
    asked, hits = (proxy.asked, proxy.hits) if proxy else (0, 0)

    def crashes():
        if trace.counts.get("faults", 0) < most and w.random.random() < 0.5:
            i, point = w.random.choice(points)
            return i, f"{point}:{w.random.randint(1, 4)}"
        return None
    for _ in range(2):
        w.pipe(crashes=crashes)
    while trace.counts.get("faults", 0) < most:
        produce(w.random.randint(50, 400))
        time.sleep(w.random.uniform(0.05, 0.9))
        hit = w.random.choice(kinds)(w, w.random.choice(w.pipes))
        if hit:
            trace.fault(*hit)
        if w.random.random() < 0.2:
            w.check()
    if proxy:
        trace.add(f"{proxy.hits - hits} of {proxy.asked - asked} cuts by bytes and patterns have happened")
        none = proxy.asked - asked >= 3 and proxy.hits == hits
        proxy.calm()
    for p in w.pipes:
        p.start_without_crash()
    if proxy and none:  # all of them may have come where no pipeline was at work: the next one does not
        proxy.cut_after(1)
        produce(500)
        wait_until(60, f"a cut, after {proxy.asked - asked - 1} that have not happened", lambda: proxy.hits > hits)
    produce(500)


def many(trace, bench, faults, cluster="kafka"):
    """Random faults on two pipelines of a group. In between and in the end: each record once."""
    w = Clean(bench, trace, cluster=cluster)
    under_faults(w, trace, faults, CRASHES, KINDS, w.produce)
    w.finish()


def cluster_of_three(trace, bench):
    if not bench.kafka3():
        raise Failure("the cluster of three did not start")
    many(trace, bench, 20, "kafka3")


def zombie(trace, bench):
    """A pipeline sleeps with epochs that it has not stored, until another one has its partitions and has stored them. On waking the broker refuses it."""
    w = Clean(bench, trace)
    one = w.pipe(timeout_ms=20000)
    w.produce(1000)
    wait_until(60, "the first records", w.check)
    run = one.run

    def passed_on(stage):
        return pages.counter(run.names[stage], run.procs[stage].pid, "epochs_acked")
    wait_until(60, "a sink that has nothing to do", lambda: passed_on(SINK) == passed_on(1) > 0)
    one.signal(signal.SIGSTOP, SINK)
    before = passed_on(1)
    w.produce(1000)
    wait_until(60, "epochs in the pipe of the sink", lambda: passed_on(1) > before)
    one.signal(signal.SIGSTOP)
    trace.fault("a pipeline sleeps", "zombies")
    two = w.pipe()
    wait_until(60, lambda: f"the second one's records, missing {w.missing()}", w.check)
    before = w.commits()
    run.signal(signal.SIGCONT, SINK)
    wait_until(60, "the zombie's sink to end", lambda: run.procs[SINK].poll() is not None)
    if run.procs[SINK].poll() != 75 or "the group has moved on" not in run.said():
        raise Failure(f"the zombie's sink left with {run.procs[SINK].poll()}, and not refused by the group:\n{run.said()[-2000:]}")
    if w.commits() != before:
        raise Failure(f"the zombie has moved commits: {before}, then {w.commits()}")
    w.check()
    run.signal(signal.SIGCONT)
    w.produce(500)
    w.finish()
    if two.codes != [0]:
        raise Failure(f"the second pipeline did not live on: {two.codes}")


def starts(trace, bench):
    """Two pipelines start a job at the same moment, again and again: one start."""
    for n in range(4):
        trace.name = f"starts {n}"
        w = Clean(bench, trace)
        w.produce(300)
        for _ in range(2):
            w.pipe()
        trace.fault("two pipelines start at once", "starts at once")
        w.finish()


TESTS = [
    ("kafka sink: a zombie is refused by its group", zombie, True),
    ("kafka sink: two pipelines start at once", starts, True),
    ("kafka sink: random faults, each record once", lambda t, b: many(t, b, 400 if b.long else 60), True),
    ("kafka sink: a cluster of three, 20 random faults", cluster_of_three, True),
]
