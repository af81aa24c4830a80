"""TAP, and what a test of the fault bench says when it fails: seed, faults, commands, the ends of all logs."""
import os
import signal
import sys
import threading
import time
import traceback

from oracle import Failure, Mismatch

START = time.monotonic()


class Skip(Exception):
    """A test that cannot be run here, and why."""


class Tap:
    def __init__(self, verbose=False):
        self.verbose = verbose
        self.n = self.failed = 0
        self.lock = threading.RLock()

    def say(self, text):
        for line in str(text).splitlines():
            print("# " + line, flush=True)

    def result(self, ok, name, note=""):
        self.n += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.n} - {name}{note}", flush=True)

    def skip(self, name, reason):
        self.result(True, name, f" # skip {reason}")

    def plan(self):
        print(f"1..{self.n}", flush=True)

    def run(self, name, fn, *args):
        """One test: fn(trace, *args), which raises where something is wrong."""
        trace = Trace(name)
        from_s = time.monotonic()
        wrong = None
        try:
            fn(trace, *args)
        except Failure as e:
            wrong = str(e)
            trace.count("mismatches", isinstance(e, Mismatch))
        except Skip as e:
            trace.stop()
            if os.environ.get("CI") == "true":      # where it can be had
                with self.lock:
                    self.result(False, name)
                    self.say(e)
                return trace
            with self.lock:
                self.result(True, name, f" # skip {e}")
            return trace
        except Exception:       # a bug of the bench is a failure too
            wrong = traceback.format_exc()
        trace.stop()
        with self.lock:
            self.result(not wrong, name)
            if wrong:
                self.say(wrong)
            if wrong or self.verbose:
                self.say(trace.report())
            self.say(f"{time.monotonic() - from_s:.1f} s" + "".join(f", {v} {k}" for k, v in trace.counts.items() if v and k != "runs"))
        return trace


class Trace:
    """What was done in one test, in order; how often; and what has to be ended whatever happens."""

    def __init__(self, name):
        self.name = name
        self.lines = []
        self.counts = {"runs": 1}
        self.kinds = {}         # of faults
        self.logs = []          # callables that return text for a report
        self.ends = []          # callables
        self.lock = threading.Lock()

    def add(self, text):
        with self.lock:
            self.lines.append(f"{time.monotonic() - START:8.3f} {text}")

    def count(self, what, n=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + n

    def fault(self, text, kind="of the fixed scenes"):
        with self.lock:
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.count("faults")
        self.add("fault: " + text)

    def stop(self):
        while self.ends:
            try:
                self.ends.pop()()
            except Exception:
                self.add("at the end: " + traceback.format_exc())

    def report(self):
        """What was done stands last: the end of a report is what is told of it at the end of a run."""
        with self.lock:
            done = ["what was done, in seconds:"] + self.lines
        return "\n".join([log() for log in self.logs] + done)


def wait_until(seconds, what, fn):
    """Polls until fn() is true, and returns that; a Failure that shows what() or `what` at the deadline."""
    end = time.monotonic() + seconds
    while True:
        value = fn()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"waited {seconds} s in vain for: {what() if callable(what) else what}")
        time.sleep(0.03)


def end_by_signal():
    """INT and TERM end the bench as an exception would: whatever was started is ended."""
    def leave(signo, frame):
        sys.exit(128 + signo)
    for s in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(s, leave)


def kill(pid, sig):
    try:
        os.kill(pid, sig)
        return True
    except ProcessLookupError:
        return False
