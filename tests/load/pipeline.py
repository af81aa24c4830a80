"""A pipeline of an intake and its stores, and how far the stores are, asked of them in their own ways."""
import json, os, random, re, signal, sqlite3, subprocess, threading, time, urllib.request
from measure import die

LOOK_S, START_S, END_S = 0.02, 60, 60
KINDS_THERE = ("good", "late", "dead")


def statement(kind, noon):
    """How many events of a kind there are. A late event is a day old: it is in a window of its day."""
    if kind == "dead":
        return "select count(*) from {}hta_dead"
    return f"select coalesce(sum(count), 0) from {{}}hta_rollups where metric = 'load' and window_start {'>=' if kind == 'good' else '<'} '{noon}'"


class Kafka:
    """A topic above the windows, as who reads what is committed sees it."""
    above = True

    def __init__(self, _folder, noon):
        brokers, topic = os.environ["HTA_BROKERS"], f"load{os.getpid()}x{random.randrange(10**6)}"
        self.sink = f"hta-sink-kafka -b {brokers} -t {topic} --init --positions {topic}.positions --dead-topic {topic}.dlq"
        for name, partitions in ((topic, "3"), (topic + ".dlq", "1")):
            subprocess.run(["kadm", "-b", brokers, "create", name, partitions], check=True, stdout=subprocess.DEVNULL)
        self.noon, self.counts = noon.encode(), dict.fromkeys(KINDS_THERE, 0)
        self.kcat = subprocess.Popen(["kcat", "-C", "-q", "-u", "-b", brokers, "-t", topic, "-o", "beginning", "-X", "isolation.level=read_committed",
                                      "-X", "fetch.wait.max.ms=10"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self.count, daemon=True).start()

    def count(self):
        rest = b""
        while got := os.read(self.kcat.stdout.fileno(), 1 << 20):
            lines, end, rest = (rest + got).rpartition(b"\n")
            late = sum(at < self.noon for at in re.findall(rb'"timestamp":"([^"]*)"', lines))
            dead = lines.count(b'"n":"none"')
            for kind, n in ("late", late), ("dead", dead), ("good", lines.count(b"\n") + len(end) - late - dead):
                self.counts[kind] += n

    def ask(self, kind):
        return self.counts[kind]

    def close(self):
        self.kcat.kill()
        self.kcat.wait()


class Sqlite:
    above, sink = False, "hta-sink-sqlite --init load.db"

    def __init__(self, folder, noon):
        self.path, self.db, self.noon = os.path.join(folder, "load.db"), None, noon

    def ask(self, kind):
        """None as long as there is no such table."""
        try:
            if not self.db:
                self.db = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, check_same_thread=False, timeout=20)
            return int(self.db.execute(statement(kind, self.noon).format("")).fetchone()[0])
        except sqlite3.OperationalError as e:
            if "no such table" not in str(e) and "unable to open" not in str(e):
                raise
            return None

    def close(self):
        if self.db:
            self.db.close()


class Pg:
    """psql, which answers a line for a line."""
    above = False

    def __init__(self, _folder, noon):
        self.noon = noon
        self.schema = f"load{os.getpid()}x{random.randrange(10**6)}"
        self.sink = f"hta-sink-pg --init 'options=-csearch_path={self.schema}'"
        self.psql = subprocess.Popen(["psql", "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.line(f"create schema {self.schema}; select 'there'")
        self.there = False

    def line(self, text):
        self.psql.stdin.write(text + ";\n")
        self.psql.stdin.flush()
        got = self.psql.stdout.readline().strip()
        return got or die("Postgres does not answer")

    def ask(self, kind):
        self.there = self.there or self.line(f"select to_regclass('{self.schema}.hta_rollups') is not null and to_regclass('{self.schema}.hta_dead') is not null") == "t"
        return int(self.line(statement(kind, self.noon).format(self.schema + "."))) if self.there else None

    def close(self):
        self.psql.stdin.write(f"set client_min_messages to error; drop schema {self.schema} cascade;\n")
        self.psql.stdin.close()
        self.psql.wait(END_S)


STORES = {"kafka": Kafka, "sqlite": Sqlite, "pg": Pg}


class Pipeline:
    """Samples of each store are (monotonic microseconds, events that it has), one a change."""

    def __init__(self, folder, stores, epoch, patience_s):
        noon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 12 * 3600))
        self.folder, self.patience_s, self.stores = folder, patience_s, {name: STORES[name](folder, noon) for name in stores}
        self.samples, self.over, self.trouble = {name: [(0, 0)] for name in stores}, threading.Event(), None
        self.environ = {**os.environ, "HTA_RUN": os.path.join(folder, "run")}
        os.makedirs(self.environ["HTA_RUN"], 0o700, exist_ok=True)
        stages = " | ".join([f"hta-ingest -v -l 0 --log log --epoch {epoch} --max-events 100000 --max-body 64m 2>ingest.err",
                             *(s.sink for s in self.stores.values() if s.above),
                             "hta-window --metric load --by event_type --time timestamp --value payload.n --lateness 1h",
                             *(s.sink for s in self.stores.values() if not s.above), "hta-commit"])
        self.told = open(os.path.join(folder, "stages.err"), "w+")
        self.process = subprocess.Popen(["bash", "-c", "set -o pipefail; trap : TERM; " + stages], cwd=folder, env=self.environ, stderr=self.told, stdin=subprocess.DEVNULL,
                                        start_new_session=True)

    def __enter__(self):
        try:
            self.port = self.listens()
        except BaseException:
            self.kill()
            raise
        self.lookers = [threading.Thread(target=self.look, args=(name,), daemon=True) for name in self.stores]
        for t in self.lookers:
            t.start()
        return self

    def errors(self):
        self.told.seek(0)
        with open(os.path.join(self.folder, "ingest.err")) as f:
            return f.read() + self.told.read()

    def listens(self):
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            path = os.path.join(self.folder, "ingest.err")
            if os.path.exists(path):
                found = re.search(r"listens on 127\.0\.0\.1:(\d+)", self.errors())
                if found:
                    return int(found.group(1))
            time.sleep(0.02)
        return die(f"the intake does not listen: {self.errors()}")

    def look(self, name):
        store, samples = self.stores[name], self.samples[name]
        try:
            while not self.over.is_set():
                n = store.ask("good")
                if n is not None and n != samples[-1][1]:
                    samples.append((time.monotonic_ns() // 1000, n))
                self.over.wait(LOOK_S)
        except Exception as e:      # told by whoever waits
            self.trouble = f"{name}: {e}"

    def wait_for(self, good):
        """Until every store has so many events, or none has moved for a while; what they have."""
        end, before = time.monotonic() + self.patience_s, None
        while time.monotonic() < end:
            now = self.stored()
            if self.trouble or self.process.poll() is not None:
                die(f"the pipeline has ended: {self.trouble or ''} {self.errors()}")
            if all(n >= good for n in now.values()):
                break
            if now != before:
                end, before = time.monotonic() + self.patience_s, now
            time.sleep(LOOK_S)
        return self.stored()

    def stored(self):
        return {name: s[-1][1] for name, s in self.samples.items()}

    def intake(self):
        """Events of each outcome, as the intake's /metrics has them."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=20) as f:
            lines = re.findall(r'^hta_ingest_events_total\{topic="[^"]*",outcome="(\w+)"\} (\d+)$', f.read().decode(), re.M)
        return {outcome: sum(int(n) for o, n in lines if o == outcome) for outcome, _ in lines}

    def window(self):
        """Counters of hta-window."""
        told = subprocess.run(["hta-top", "--json"], env=self.environ, stdout=subprocess.PIPE, text=True, check=False).stdout
        return next(s["counters"] for line in told.splitlines() for s in json.loads(line)["stages"] if s["program"] == "hta-window")

    def counts(self):
        """Of each store: events of now, of yesterday, and dead letters."""
        return {name: {kind: s.ask(kind) for kind in KINDS_THERE} for name, s in self.stores.items()}

    def end(self):
        """All that was taken is stored; the looks are over first."""
        self.over.set()
        for t in self.lookers:
            t.join()
        os.killpg(self.process.pid, signal.SIGTERM)
        code = self.process.wait(END_S)
        if code:
            die(f"the pipeline left with {code}: {self.errors()}")
        return self.counts()

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def __exit__(self, *_):
        self.over.set()
        self.kill()
        for store in self.stores.values():
            store.close()
        self.told.close()
