"""hta-dlq retry under faults: poison in a topic becomes letters in a topic, in Postgres and in SQLite; calls are killed at random and begun again, two
at a time among them, while pipelines are killed too. What a call has sent is sent for good, and once: in the end each bad record's mended form is
stored once, and was sent once."""
import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from collections import Counter

import log as logs
from scenes_kafka_sink import Clean, kill_pipe, kill_stage
from stores import Pg
from tap import Failure, Mismatch, kill, wait_until

POINTS = ("dlq-taken", "dlq-inside", "dlq-sent")
BAD = 10            # one record of so many
# what ends in 50 dies twice
MEND = r"""sed -E 's/^no JSON ([0-9]*50)$/worse \1/; t; s/^(no JSON|worse) (.*)$/{"n":\2}/'"""


class Letters(Clean):
    """in -> hta-filter -> clean and letters. The oracle of a bad record: each of its forms dies once, the last one is clean, once."""
    points = ("dlq-inside",)
    to = ()                         # where a call sends
    ends = (0, 75)                  # of calls that nobody has killed: done; another call has taken over, or a store is busy

    def __init__(self, bench, trace):
        self.sent = Counter()           # what calls are to send in all
        super().__init__(bench, trace)
        self.at = ["-b", self.brokers, "-t", self.topics["dlq"]]
        self.calls = []
        trace.ends.append(lambda: [p.kill() for p in self.calls])
        self.log = os.path.join(self.folder, "calls.log")
        open(self.log, "wb").close()
        trace.logs.append(self.tail)

    def produce(self, count):
        lines = []
        for _ in range(count):
            self.n += 1
            if self.n % BAD:
                lines.append(b'{"n":%d}' % self.n)
                self.want["clean"][lines[-1]] += 1
            else:
                lines.append(b"no JSON %d" % self.n)
                self.dies(lines[-1])
        p = subprocess.run(["kcat", "-P", "-b", self.brokers, "-t", self.topics["in"], "-X", "sticky.partitioning.linger.ms=0"],
                           input=b"\n".join(lines) + b"\n", stderr=subprocess.PIPE, timeout=60)
        if p.returncode:
            raise Failure(f"kcat -P: {p.stderr.decode(errors='replace')}")

    def dies(self, line):
        forms = [line] + ([b"worse %d" % self.n] if self.n % 100 == 50 else [])
        self.want["dlq"].update(forms)
        self.want["clean"][b'{"n":%d}' % self.n] += 1
        self.sent.update(forms[1:] + [b'{"n":%d}' % self.n])

    # ---- calls

    def call(self, crash=None):
        env = {**os.environ, **({"HTA_CRASH": crash} if crash else {})}
        # -b is the cluster of the letters, and of what they are sent to
        argv = ["hta-dlq", "retry", "-v", *self.at, "-b", self.brokers, "--through", MEND, *self.to]
        with open(self.log, "ab") as log, open(f"{self.log}.{self.trace.counts.get('calls', 0)}", "wb") as out:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=log, env=env, start_new_session=True)
        self.calls.append(p)
        self.trace.count("calls")
        return p

    def tail(self):
        with open(self.log, "rb") as f:
            return "--- hta-dlq retry\n" + "\n".join(f.read().decode(errors="replace").splitlines()[-60:])

    def await_calls(self, killed):
        wait_until(200, "calls to end", lambda: all(p.poll() is not None for p in self.calls))
        for p in self.calls:
            if p.returncode == -signal.SIGKILL and p in killed:
                self.trace.count("calls that died")
            elif p.returncode not in self.ends:
                raise Failure(f"hta-dlq retry left with {p.returncode}")
            self.trace.count("calls that ended with 0", p.returncode == 0)
        self.calls.clear()

    # ---- what there is

    def resent(self):
        """Records of the source topic that a call has sent: {value: [(place, retries)]}, as a reader of committed records finds them."""
        p = subprocess.run(["kcat", "-C", "-q", "-b", self.brokers, "-t", self.topics["in"], "-o", "beginning", "-e", "-X", "isolation.level=read_committed",
                            "-f", "%p/%o|%h|%s\n"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if p.returncode:
            raise Failure(f"kcat -C: {p.stderr.decode(errors='replace')}")
        sent, first = {}, {}
        for line in p.stdout.splitlines():
            at, headers, value = line.split(b"|", 2)
            if headers:
                h = dict(x.split(b"=", 1) for x in headers.split(b","))
                sent.setdefault(value, []).append((h.get(b"hta.from"), h.get(b"hta.retries")))
            else:
                first[value] = b"%s/%s" % (self.topics["in"].encode(), at)
        return sent, first

    def check(self):
        """At any moment: nothing was sent twice, all of it with its first place and how often."""
        whole = super().check()
        sent, first = self.resent()
        for value, all_of in sent.items():
            n = re.search(rb"\d+", value)[0]
            times = b"2" if n.endswith(b"50") and value.startswith(b"{") else b"1"
            if all_of != [(first[b"no JSON " + n], times)]:
                raise Mismatch(f"sent for {first[b'no JSON ' + n]}: {value} {all_of}, wanted once, and {times} times in all")
        return whole and {v: len(a) for v, a in sent.items()} == self.sent

    def whole_call(self):
        """A call without a fault; true: it has come to its end."""
        p = self.call()
        self.await_calls(())
        return p.returncode != 75

    def end_calls(self):
        """Calls without a fault until there is nothing to send, and all that was mended has come through."""
        wait_until(300, lambda: f"all records, missing {self.missing()}", lambda: self.whole_call() and self.check())

    def commits(self):
        """A reader of committed records may stand at a partition's end before the mark of its last transaction, or behind it."""
        commits, ends = super().commits(), {p: high for p, (_, high) in logs.ends(self.brokers, self.topics["in"]).items()}
        return {p: ends[p] if ends[p] - at <= 1 else at for p, at in commits.items()}


class InTable(Letters):
    """in -> hta-filter -> events and letters of a store."""
    points = POINTS

    def __init__(self, bench, trace):
        self.open_store(bench, trace)
        super().__init__(bench, trace)
        self.at = ["-d", self.where]

    def stages(self, timeout_ms=4000):
        source, _, _, commit = super().stages(timeout_ms)
        return [source, ["hta-filter", "--where", ".n > 0", "--dead-limit", "100%"], self.sink, commit]


class InSqlite(InTable):
    def open_store(self, bench, trace):
        self.where = os.path.join(bench.folder, f"{type(self).__name__}.db")
        self.sink = ["hta-sink-sqlite", "--events", "--init", self.where]

    def read(self, kind):
        if not os.path.exists(self.where):
            return Counter()
        db = sqlite3.connect(self.where, timeout=30)
        try:
            return Counter(r for r, in db.execute(f"select cast(record as blob) from {'hta_dead' if kind == 'dlq' else 'hta_events'}"))
        except sqlite3.OperationalError:        # it is not made yet
            return Counter()
        finally:
            db.close()


class InPg(InTable):
    def open_store(self, bench, trace):
        self.pg = Pg(bench.servers, f"{bench.mark}letters{abs(hash(trace.name))}", "letters", proxied=False)
        self.where = self.pg.argv(False)[-1]
        self.sink = ["hta-sink-pg", "--events", "--init", self.where]

    def read(self, kind):
        out = self.pg.sql(f"select record from {'hta_dead' if kind == 'dlq' else 'hta_events'}", check=False)
        return Counter((out or "").encode().splitlines())


class Printed(InSqlite):
    """The same with --to -. What is marked was printed once; what a call that died had taken is in doubt, and was printed once or not at all."""
    points = ("dlq-taken", "dlq-sent")
    to = ("--to", "-")
    ends = (0, 1, 75)               # 1: some are in doubt

    def dies(self, line):
        self.want["dlq"][line] += 1

    def printed(self):
        """By the number of the record; a kill leaves half a line."""
        out = Counter()
        for name in os.listdir(self.folder):
            if name.startswith("calls.log."):
                with open(os.path.join(self.folder, name), "rb") as f:
                    out.update(int(re.search(rb"\d+", line)[0]) for line in f.read().split(b"\n")[:-1])
        return out

    def check(self):
        whole = Clean.check(self)
        twice = [n for n, times in self.printed().items() if times > 1]
        if twice:
            raise Mismatch(f"printed twice: {twice[:10]}")
        return whole

    def end_calls(self):
        super().end_calls()
        # what died behind the last call's start is there by now
        wait_until(120, "a call for the last letters", self.whole_call)
        found = subprocess.run(["hta-dlq", "ls", *self.at, "--again", "--format", "json"], stdout=subprocess.PIPE, check=True).stdout
        letters = [json.loads(line) for line in found.splitlines()]
        marked = {int(x["record"].split()[2]) for x in letters if "retried_at" in x}
        doubt = {int(x["record"].split()[2]) for x in letters if x.get("in_doubt")}
        printed = set(self.printed())
        if not marked <= printed or not printed <= marked | doubt or len(marked) + len(doubt) != len(letters) or marked & doubt:
            raise Mismatch(f"{len(letters)} letters, {len(marked)} marked, {len(doubt)} in doubt, {len(printed)} printed; not printed: {sorted(marked - printed)[:10]}")
        self.trace.count("letters in doubt", len(doubt))


def begun(w):
    for _ in range(2):
        w.pipe()
    w.produce(500)
    wait_until(60, "the first letters", lambda: w.check() or w.read("dlq"))
    return w


def sent_again(kind, rounds):
    def scene(trace, bench):
        w = begun(kind(bench, trace))
        for _ in range(rounds * 4 if bench.long else rounds):
            w.produce(w.random.randint(100, 1500))
            calls = []
            for _ in range(w.random.choice((1, 1, 2))):
                crash = f"{w.random.choice(w.points)}:{w.random.randint(1, 3)}" if w.random.random() < 0.4 else None
                calls.append((w.call(crash), crash))
            # the longest calls have some seconds to go: their transaction, then a command for each letter
            killed = [p for p, crash in calls if crash]
            for p, crash in calls:
                time.sleep(w.random.uniform(0, 1.5))
                if w.random.random() < 0.6:
                    hit = w.random.choice((kill_stage, kill_stage, kill_pipe))(w, w.random.choice(w.pipes))
                    trace.fault(*hit) if hit else None
                if not crash and w.random.random() < 0.6:
                    killed.append(p)
                    trace.fault("a call is killed", "calls killed") if p.poll() is None and kill(p.pid, signal.SIGKILL) else None
            w.await_calls(killed)
            w.check()
        w.end_calls()
        w.finish()
    return scene


def servers_die(trace, bench):
    """The broker or Postgres is killed and started again while a call is at work. It goes on, or ends with 69 or 75."""
    w = begun(InPg(bench, trace))
    w.ends = (0, 69, 75)
    for n in range(16 if bench.long else 4):
        w.produce(w.random.randint(500, 1500))
        w.call()
        time.sleep(w.random.uniform(0.1, 2.5))
        name = ("kafka", "pg")[n % 2]
        bench.servers.restart(name, "KILL")
        trace.fault(f"{name} is killed and started again", f"{name} killed")
        w.await_calls(())
    w.end_calls()
    w.finish()


TESTS = [
    ("retry of letters in a topic by calls that die", sent_again(Letters, 12), True),
    ("retry of letters in SQLite by calls that die", sent_again(InSqlite, 12), True),
    ("retry of letters in Postgres by calls that die", sent_again(InPg, 12), True),
    ("retry of letters to standard output by calls that die", sent_again(Printed, 12), True),
    ("retry of letters while servers die", servers_die, False),
]
