"""Kafka into stores: python unnest latency pipelines. Whole jobs, exactly once."""
import contextlib, json, os, random, shutil, socket, statistics, subprocess, sys, threading, time, urllib.parse
from files import T1
from kafka import topic_of
from measure import compare, die, figures, measure, say, target
from tools import HERE, cache, packages, sh

EPOCH_ROWS, MARKERS, RATE = 10000, 80, 50000
INC, GEN = "0123456789abcdef", "fedcba9876543210"


def sql(text):
    return sh(["psql", "-XAtqc", text], stdout=subprocess.PIPE, text=True).strip()


class Fresh:
    """Names that were not used before: a run starts with an empty table, a new group, a new job."""
    def __init__(self, bench, kind):
        self.kind, self.n = f"bench_{kind}_{os.getpid()}", 0

    def name(self):
        self.n += 1
        return f"{self.kind}_{self.n}"


def job(broker, topic, group, table, options=""):
    return f"hta-consume -q -b {broker} -t {topic} -g {group} -e {options} | {T1} -q | hta-sink-pg -q --init --table {table} | hta-commit -q"


# ---- python

def python_program():
    """The pinned modules in a folder of their own; returns the command."""
    folder, want = cache("python"), os.path.join(HERE, "ref", "python", "requirements.txt")
    have = os.path.join(folder, "requirements.txt")
    if not os.path.exists(have) or open(have).read() != open(want).read():
        if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], stderr=subprocess.DEVNULL).returncode:
            packages("python")
        sh([sys.executable, "-m", "venv", "--clear", folder])
        sh([f"{folder}/bin/pip", "install", "-q", "-r", want])
        shutil.copy(want, have)
    return f"{folder}/bin/python {HERE}/ref/python/t1.py"


def differing(ours, theirs):
    """Rows that are in one table only; sums to a thousandth."""
    a = f"select window_start, dims->>'endpoint', (dims->>'status')::int, count, round(sum, 3) from {ours}"
    b = f"select window_start, endpoint, status, count, round(sum::numeric, 3) from {theirs}"
    return int(sql(f"select count(*) from (({a} except {b}) union all ({b} except {a})) d"))


def python(bench):
    """Kafka -> T1 -> Postgres exactly once, CPU of all stages, against Python (aiokafka, orjson, asyncpg; at least once)"""
    program, fresh, last = python_program(), Fresh(bench, "python"), {}
    bench.service("pg")
    with topic_of(bench) as (broker, topic):
        def ours():
            last["ours"] = fresh.name()
            return measure(job(broker, topic, last["ours"], last["ours"]))

        def theirs():
            last["theirs"] = fresh.name()
            return measure(f"{program} {broker} {topic} {last['theirs']} {last['theirs']}")
        ours(), theirs()
        if int(sql(f"select sum(count) from {last['ours']}")) != bench.n or differing(last["ours"], last["theirs"]):
            die("python: the tables differ")
        say(f"python: {sql('select count(*) from ' + last['ours'])} rows, equal")
        return compare("Kafka -> T1 -> Postgres", {"Python: aiokafka, orjson, asyncpg": theirs, "hta, exactly once": ours}, bench.rounds, {"hta, exactly once": 6}, "cpu")


# ---- unnest

def control(k, **more):
    return json.dumps({"$hta": INC, "k": k, **more}, separators=(",", ":")) + "\n"


def stream_head(name):
    """What hta-consume and hta-window say before the first record of a new job."""
    stage = {"version": "0", "pid": 1, "cfg": "0" * 16}
    metric = {"name": "m", "cfg": "00000000000000aa", "def": {"every": "1m"}, "every_us": 60000000}
    hello = {"$hta": "hello", "v": 1, "inc": INC, "job": name, "group": "g", "unit": "record", "ack": "/nowhere",
             "stages": [{"s": "hta-consume", **stage}, {"s": "hta-window", **stage, "metrics": [metric], "lateness_us": 0}]}
    probe = control("probe", n=1, job=name, claim=[], sinks=[])
    init = control("init", to=None, act="adopt", gen=GEN, now=False, pos=[{"t": "events", "p": 0, "o": 0}])
    return json.dumps(hello, separators=(",", ":")) + "\n" + probe + init


def stream_epoch(e, rows):
    """As ref/unnest.c has them, in another order than the key's. A window takes ten epochs."""
    start = 1767225600 + 60 * (e // 10)
    text = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t)) for t in (start, start + 60)]
    for i in range(rows):
        h, count = (i + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1, 1 + (i + e) % 7
        yield (f'{{"op":"add","metric":"m","window_start":"{text[0]}","window_end":"{text[1]}","dims":{{"customer":"c-{i:06}"}},'
               f'"dims_hash":"{h:016x}{h * 0xD6E8FEB86659FD93 & (1 << 64) - 1:016x}","count":{count},"value_count":{count},'
               f'"sum":"{count * 1.25}","min":"0.25","max":"2.5"}}\n')
    last, end = e * rows, (e + 1) * rows
    yield control("bar", e=e + 1, gen=GEN, r=[{"t": "events", "p": 0, "f": str(last), "to": str(end), "lo": str(end - 1), "lt": start * 1000000, "lh": "00000000000000ff",
                                               "idle": False}], acct=[{"s": "hta-window", "in": rows, "out": rows, "wm": [["events", 0, start * 1000000]]}])


def unnest(bench):
    """epochs of 10 k deltas into Postgres: hta-sink-pg against a bare unnest upsert in a transaction each"""
    bench.service("pg")
    epochs, fresh, last = max(bench.n // 100000, 2), Fresh(bench, "unnest"), {}
    body, head = os.path.join(bench.folder, "epochs"), os.path.join(bench.folder, "head")
    with open(body, "w") as f:
        for e in range(epochs):
            f.writelines(stream_epoch(e, EPOCH_ROWS))
        f.write(control("end", reason="stop"))

    def table(who):
        last[who] = fresh.name()
        sh(f"hta-sink-pg -q --init --table {last[who]} </dev/null")
        return last[who]

    def ours():
        name = table("ours")
        with open(head, "w") as f:
            f.write(stream_head(name))
        return measure(f"cat {head} {body} | hta-sink-pg -q --foreign --table {name}")

    def theirs():
        return measure(f"bare_unnest {table('theirs')} {epochs} {EPOCH_ROWS}")
    ours(), theirs()
    columns = "select metric, window_start, window_end, dims_hash, dims, count, value_count, sum, min, max from"
    a, b = f"{columns} {last['ours']}", f"{columns} {last['theirs']}"
    rows, differ = sql(f"select (select count(*) from {last['ours']}), (select count(*) from (({a} except {b}) union all ({b} except {a})) d)").split("|")
    if int(differ) or int(rows) != -(-epochs // 10) * EPOCH_ROWS:
        die(f"unnest: {differ} of {rows} rows differ")
    say(f"unnest: {epochs} epochs, {rows} rows, equal")
    r = compare(f"{epochs} epochs of {EPOCH_ROWS} deltas into Postgres", {"bare unnest": theirs, "hta-sink-pg": ours}, bench.rounds)
    os.unlink(body)
    wall = {name: x["wall"] for name, x in r["results"].items()}
    each = figures("An epoch of 10,000 deltas", {name: (w / epochs * 1000, "ms") for name, w in wall.items()})
    return [{**r, "targets": [target("epochs into Postgres: hta-sink-pg / bare unnest, wall", wall["hta-sink-pg"] / wall["bare unnest"], 1.3, "at most")]}, each]


# ---- latency

class Redis:
    """As much of the protocol as a poller needs."""
    def __init__(self, url):
        u = urllib.parse.urlsplit(url)
        self.s = socket.create_connection((u.hostname, u.port))
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.f = self.s.makefile("rb")
        self("select", u.path.strip("/") or "0")

    def __call__(self, *words):
        self.s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in (x.encode() for x in words)))
        return self.answer()

    def answer(self):
        line = self.f.readline()[:-2]
        kind, rest = line[:1], line[1:].decode()
        if kind == b"-" or not line:
            die(f"redis: {rest}")
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        if kind == b"$":
            return None if rest == "-1" else self.f.read(int(rest) + 2)[:-2].decode()
        return rest


def marker_row(redis, prefix, until):
    """The key of the markers' row, once it is there."""
    while time.monotonic() < until:
        at = "0"
        while True:
            at, keys = redis("scan", at, "match", f"{{{prefix}}}:r:*", "count", "10000")
            for key in keys:
                if "/marker" in (redis("hget", key, "dims") or ""):
                    return key
            if at == "0":
                break
    die("latency: no marker is seen in Redis")


@contextlib.contextmanager
def running(stages):
    """A pipeline whose source is told to stop at the end; every stage must then leave with 0."""
    processes = []
    for words in stages:
        processes.append(subprocess.Popen(words, stdin=processes[-1].stdout if processes else subprocess.DEVNULL,
                                          stdout=subprocess.PIPE if words is not stages[-1] else subprocess.DEVNULL))
        if len(processes) > 1:
            processes[-2].stdout.close()
    try:
        yield processes
        processes[0].terminate()
        codes = [p.wait(60) for p in processes]
        if any(codes):
            die(f"latency: the pipeline left with {codes}")
    finally:
        for p in processes:
            p.poll() is None and p.kill()


@contextlib.contextmanager
def load(broker, topic):
    """RATE events a second of the clock into the topic."""
    gen = subprocess.Popen(["hta-gen", "-q", "--rate", str(RATE), "--hot-key-prob", "0.2"], stdout=subprocess.PIPE)
    kcat = subprocess.Popen(["kcat", "-P", "-b", broker, "-t", topic, "-X", "linger.ms=5", "-X", "sticky.partitioning.linger.ms=5"], stdin=gen.stdout)
    gen.stdout.close()
    try:
        yield
        if gen.poll() is not None or kcat.poll() is not None:
            die("latency: the load has stopped")
    finally:
        for p in gen, kcat:
            p.kill()
            p.wait()


def watch(redis, key, seen, until):
    """Notes when the count of the row passes each number: seen[k] is when marker k was there."""
    while len(seen) < MARKERS + 1 and time.monotonic() < until:
        count = int(redis("hget", key, "count") or 0)
        now = time.monotonic()
        seen += [now] * (count - len(seen))
        time.sleep(0.001)


def delays(broker, topic, redis, prefix):
    """Seconds from a marker's way into the producer until a reader of Redis sees it."""
    line = json.dumps({"ts": time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime()), "endpoint": "/marker", "status": 200, "latency_ms": 1}).encode() + b"\n"
    producer = subprocess.Popen(["mark", broker, topic], stdin=subprocess.PIPE)
    rng, sent, seen = random.Random(1), [], []

    def send():
        sent.append(time.monotonic())
        producer.stdin.write(line)
        producer.stdin.flush()
    try:
        send()       # the first one finds the row and is not counted
        watcher = threading.Thread(target=watch, args=(redis, marker_row(redis, prefix, time.monotonic() + 60), seen, time.monotonic() + 90))
        watcher.start()
        for _ in range(MARKERS):
            time.sleep(rng.uniform(0.1, 0.4))
            send()
        watcher.join()
    finally:
        producer.stdin.close()
        producer.wait(30)
    if len(seen) != MARKERS + 1:
        die(f"latency: {len(seen)} of {MARKERS + 1} markers are in Redis")
    return sorted(b - a for a, b in zip(sent[1:], seen[1:]))


def latency(bench):
    """from an event's way into the producer until Redis shows it, at 50 k events a second, by --epoch"""
    bench.service("redis")
    redis, fresh, values = Redis(os.environ["REDIS_URL"]), Fresh(bench, "latency"), {}
    for epoch in "100ms", "300ms", "1s":
        name = fresh.name()
        with topic_of(bench, load=False) as (broker, topic):
            stages = [["hta-consume", "-q", "-b", broker, "-t", topic, "-g", name, "--epoch", epoch, "--dead", "drop"], [*T1.split(), "-q", "--dead", "drop"],
                      ["hta-sink-redis", "-q", "--init", "--prefix", name], ["hta-commit", "-q"]]
            with load(broker, topic), running(stages):
                d = delays(broker, topic, redis, name)
        values[f"--epoch {epoch}: median"] = (1000 * statistics.median(d), "ms")
        values[f"--epoch {epoch}: p99 (of {len(d)})"] = (1000 * d[min(len(d) - 1, int(len(d) * 0.99))], "ms")
    return figures(f"event -> Redis at {RATE} events/s", values)


# ---- pipelines

def pipelines(bench):
    """one pipeline against two in one group, into one table, on the same processors"""
    bench.service("pg")
    fresh = Fresh(bench, "pipelines")
    with topic_of(bench) as (broker, topic):
        def run(n):
            name = fresh.name()
            sh(f"hta-sink-pg -q --init --table {name} </dev/null")
            one = job(broker, topic, name, name, "-X heartbeat.interval.ms=100")     # who is there hears of a newcomer then
            starts = " ".join(f"{{ {one}; }} & p{i}=$!;" for i in range(n))
            r = measure(f"{starts} {' && '.join(f'wait $p{i}' for i in range(n))}")
            if int(sql(f"select sum(count) from {name}")) != bench.n:
                die(f"pipelines: not {bench.n} events in {name}")
            return r
        return compare("Kafka -> T1 -> Postgres, one group", {"one pipeline": lambda: run(1), "two pipelines": lambda: run(2)}, bench.rounds)


TASKS = {"python": python, "unnest": unnest, "latency": latency, "pipelines": pipelines}
