"""Pipelines of the real programs, and the supervisor that starts them again as hta-protocol(7) says: on 69, 74, 75, 76 and deaths by signal, not on
64, 65, 70, 78."""
import glob
import os
import signal
import subprocess
import threading
import time

from tap import Failure, kill, wait_until

AGAIN = (69, 74, 75, 76)
SESSION_MS = 2000
EVERYWHERE = ["-X", f"session.timeout.ms={SESSION_MS}", "-X", "heartbeat.interval.ms=400", "-X", "max.poll.interval.ms=6000",
              "-X", "topic.metadata.refresh.interval.ms=1000", "-X", "reconnect.backoff.max.ms=500"]


def read_text(path):
    """Empty where there is none."""
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return ""


class Job:
    """What all pipelines of a job share: the command line."""

    def __init__(self, name, topic, brokers, true_brokers, metric, stores, folder):
        self.name, self.group, self.topic = name, name, topic
        self.brokers, self.true_brokers = brokers, true_brokers
        self.metric, self.stores, self.folder = metric, stores, folder
        self.source = ["--epoch", "50ms", "--epoch-records", "2000"]
        self.window = []

    def stages(self, order=None, source=(), init=True):
        stores = [self.stores[n] for n in order] if order is not None else list(self.stores.values())
        out = [["hta-consume", "-v", "-b", self.brokers, "-t", self.topic, "-g", self.group, *EVERYWHERE, *self.source, *source],
               [*self.metric.argv(), *self.window]]
        return out + [s.argv(init) for s in stores] + [["hta-commit"]]


class Run:
    """One life of a pipeline."""

    def __init__(self, stages, log_path, crash=None, environ=None):
        """crash: (index of the stage, HTA_CRASH)"""
        self.log_path = log_path
        self.log_from = os.path.getsize(log_path) if os.path.exists(log_path) else 0
        self.procs = []
        self.started_s = time.monotonic()
        self.crash = crash
        self.killed = set()             # stages that the bench has killed
        self.told = False               # it has sent TERM, which kills who has no handler yet
        before = subprocess.DEVNULL
        with open(log_path, "ab") as log:
            for i, argv in enumerate(stages):
                env = dict(os.environ if environ is None else environ)
                env.pop("HTA_CRASH", None)
                if crash and crash[0] == i:
                    env["HTA_CRASH"] = crash[1]
                last = i == len(stages) - 1
                p = subprocess.Popen(argv, stdin=before, stdout=subprocess.DEVNULL if last else subprocess.PIPE, stderr=log, env=env, start_new_session=True)
                if before is not subprocess.DEVNULL:
                    before.close()
                before = p.stdout
                self.procs.append(p)
        self.names = [argv[0] for argv in stages]

    def signal(self, sig, which=None):
        """How many processes were there to get it."""
        hit = 0
        for i, p in enumerate(self.procs):
            if (which is None or which == i) and p.poll() is None:
                if sig == signal.SIGKILL:
                    self.killed.add(i)
                self.told = self.told or sig == signal.SIGTERM
                hit += kill(p.pid, sig)
        return hit

    def ended(self):
        return all(p.poll() is not None for p in self.procs)

    def first_ended(self):
        return any(p.poll() is not None for p in self.procs)

    def codes(self):
        return [p.poll() for p in self.procs]

    def crashed(self):
        """It died at its crash point."""
        return self.crash is not None and self.codes()[self.crash[0]] == -signal.SIGKILL and self.crash[0] not in self.killed

    def unborn(self):
        """hta-commit takes a stage that is killed before its first instruction for a program that is
        not there: 78. Only who has killed it knows better."""
        nothing = "hta-commit: nothing has come" in self.said()
        return self.codes()[-1] == 78 and bool(self.killed or self.told) and nothing

    def broken(self):
        """Stages that died as no program may: of a signal that nobody sent. Before its first line a stage does not know what stream it is in, and
        leaves by SIGPIPE when its reader leaves, as any filter does."""
        sent = [-signal.SIGKILL, -signal.SIGTERM] + ([] if "assigned:" in self.said() else [-signal.SIGPIPE])
        return [f"{self.names[i]}: {c}" for i, c in enumerate(self.codes()) if c is not None and c < 0 and c not in sent]

    def states(self):
        """Of those that live: the state of each thread and where in the kernel it waits."""
        out = []
        for name, p in zip(self.names, self.procs):
            for task in sorted(glob.glob(f"/proc/{p.pid}/task/*")) if p.poll() is None else []:
                out.append(f"{name} {read_text(task + '/stat').rpartition(')')[2][:2]} in {read_text(task + '/wchan')}")
        return out

    def code(self):
        """As a shell with pipefail has it: the last one that is not 0; 128 + n for a signal."""
        bad = [c for c in self.codes() if c]
        return (128 - bad[-1] if bad[-1] < 0 else bad[-1]) if bad else 0

    def wait(self, seconds):
        wait_until(seconds, lambda: f"the end of {self.names} ({self.codes()}):\n{self.said()}", self.ended)
        return self.code()

    def said(self):
        with open(self.log_path, "rb") as f:
            f.seek(self.log_from)
            return f.read().decode(errors="replace")

    def end(self):
        self.signal(signal.SIGKILL)
        for p in self.procs:
            p.wait()


class Supervised:
    """A pipeline that is started again and again. `crashes` is asked before each start: (stage, HTA_CRASH) or None."""

    def __init__(self, trace, job, name, stages, crashes=lambda: None, operator=None):
        self.trace, self.job, self.name = trace, job, name
        self.stages, self.crashes, self.operator = stages, crashes, operator
        self.log_path = os.path.join(job.folder, name + ".log")
        self.leaving = False
        self.held = False               # no new life for now
        self.fatal = None               # exit code of a life that must not be begun again
        self.codes = []
        self.run = None
        self.lock = threading.Lock()
        trace.logs.append(self.tail)
        trace.ends.append(self.end)
        self.thread = threading.Thread(target=self._live, daemon=True)
        self.thread.start()

    def _live(self):
        while not self.leaving:
            if self.held:
                time.sleep(0.02)
                continue
            with self.lock:
                if self.leaving or self.held:
                    continue
                crash = self.crashes()
                if crash:
                    self.trace.add(f"{self.name}: {self.stages[crash[0]][0]} is to die at {crash[1]}")
                self.run = Run(self.stages, self.log_path, crash)
            run = self.run
            while not run.ended():
                time.sleep(0.02)
            code = run.code()
            self.codes.append(code)
            self.trace.count("lives")
            self.trace.add(f"{self.name}: left with {code} {run.codes()}")
            if run.crashed():
                self.trace.fault(f"{self.name}: {self.stages[run.crash[0]][0]} died at {run.crash[1]}", "crash points")
            if run.broken():
                self.fatal = f"{code}: {run.broken()}"
                return
            if run.unborn():
                kind = "kill before the first instruction"
                self.trace.fault(f"{self.name}: {kind}", kind)
                continue
            if code == 0 or code in AGAIN or code > 128:
                if code == 0 and self.leaving:
                    break
                continue
            try:
                if self.operator and self.operator(self, code, run.said()):
                    continue
            except Failure as e: # a server that was away for longer than he waits; he is asked again
                self.trace.add(f"{self.name}: the operator: {e}")
                continue
            self.fatal = code
            self.trace.add(f"{self.name}: not started again after {code}")
            return

    def alive(self):
        return self.thread.is_alive()

    def hold(self):
        """Killed, and not started again before go_on()."""
        with self.lock:
            self.held = True
            if self.run:
                self.run.end()

    def go_on(self):
        self.held = False

    def start_without_crash(self):
        """A life that is to die at some point ends now; the next one is not to."""
        with self.lock:
            if self.run and self.run.crash and not self.run.ended():
                self.run.signal(signal.SIGKILL)

    def stage(self, i):
        """Process of a stage of the present life, or None."""
        with self.lock:
            run = self.run
        return run.procs[i] if run and i < len(run.procs) and run.procs[i].poll() is None else None

    def signal(self, sig, which=None):
        with self.lock:
            return self.run.signal(sig, which) if self.run else 0

    def leave(self, seconds=120):
        """
        The polite end: TERM to all stages. Its code must be 0; so it is where nobody is there to hear it as he should: between two lives, in one
        that was ending before (a stage had left or was killed, and the others follow within seconds), and in one whose stages were not all born.
        """
        with self.lock:
            self.leaving = True
            over = self.run is None or self.run.first_ended() or bool(self.run.killed)
        self.signal(signal.SIGTERM)
        wait_until(seconds, lambda: f"{self.name} to leave: {self.run.codes()}, {self.run.states()}", lambda: not self.alive())
        if self.fatal is None and over:
            return 0
        if self.run.unborn() or -signal.SIGTERM in self.run.codes() and set(self.run.codes()) <= {0, 75, -signal.SIGTERM}:
            return 0
        return self.codes[-1] if self.codes else 0

    def end(self):
        with self.lock:
            self.leaving = True
            if self.run:
                self.run.end()
        self.thread.join(10)

    def tail(self):
        try:
            with open(self.log_path, "rb") as f:
                lines = f.read().decode(errors="replace").splitlines()
        except OSError:
            lines = []
        return "\n".join([f"--- {self.name}: " + " | ".join(" ".join(a) for a in self.stages), f"codes {self.codes}"] + lines[-60:])


def run_once(trace, job, name, stages, want=0, seconds=120, crash=None, environ=None):
    """One life; want: the code, or a tuple of codes that are right. Returns (code, what it said)."""
    path = os.path.join(job.folder, name + ".log")
    run = Run(stages, path, crash, environ)
    trace.ends.append(run.end)
    code = run.wait(seconds)
    trace.count("lives")
    trace.add(f"{name}: left with {code} {run.codes()}")
    said = run.said()
    if want is not None and code not in (want if isinstance(want, tuple) else (want,)):
        raise Failure(f"{name}: exit {code} {run.codes()}, wanted {want}: " + " | ".join(" ".join(a) for a in stages) + "\n" + said[-4000:])
    return code, said
