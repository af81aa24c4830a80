"""hta-ingest: what durability costs a post, what a lone client waits for, and batches. The intake has one processor, its clients another."""
import http.client, json, os, shutil, signal, socket, statistics, subprocess, tempfile, time
from measure import die, figures, target
from tools import packages, sh

SECONDS, CONNECTIONS = 5, 64
EVENT = json.dumps({"event_type": "page_view", "user_id": "user-123", "payload": {"page": "/home", "pad": "x" * 190}}, separators=(",", ":"))
POST = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[%s]]
done = function(summary, latency) io.write(string.format("figures %%d %%d %%d %%d\\n", summary.requests, summary.duration, latency:percentile(99), summary.errors.status)) end
"""


class Intake:
    """One on a folder of its own, which goes with it."""

    def __init__(self, folder):
        self.folder = tempfile.mkdtemp(dir=folder)
        told = open(os.path.join(self.folder, "err"), "w+")
        self.process = subprocess.Popen(["taskset", "-c", "0", "hta-ingest", "-l", "0", "-v", "--only-log", "--log", os.path.join(self.folder, "log")], stderr=told)
        end, text = time.monotonic() + 20, ""
        while "listens on" not in text:
            if time.monotonic() > end or self.process.poll() is not None:
                die(f"hta-ingest does not listen: {text}")
            time.sleep(0.02)
            told.seek(0)
            text = told.read()
        self.port = int(text.split("listens on 127.0.0.1:")[1].split(",")[0])
        told.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(20):
            die("hta-ingest failed")
        shutil.rmtree(self.folder)


def singles(intake, script):
    """Posts a second, and milliseconds of the 99th percentile."""
    text = sh(["taskset", "-c", "1", "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", "-s", script, f"http://127.0.0.1:{intake.port}/events"],
              stdout=subprocess.PIPE, text=True)
    n, duration_us, p99_us, errors = map(int, text.split("figures ")[1].split())
    if errors:
        die(f"{errors} posts were refused")
    return n / duration_us * 1e6, p99_us / 1e3


def posts(intake, path, kind, body, count):
    """Milliseconds of each, one after the other."""
    connection, times = http.client.HTTPConnection("127.0.0.1", intake.port), []
    for _ in range(count):
        begun = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        answer.read()
        times.append((time.perf_counter() - begun) * 1e3)
        if answer.status != 202:
            die(f"{path}: {answer.status}")
    connection.close()
    return times


def alone(intake, count):
    """Milliseconds of each single post, one after the other, over a bare socket: what Python's http.client takes for itself is half of a sync."""
    request = (f"POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(EVENT)}\r\n\r\n{EVENT}").encode()
    times = []
    with socket.create_connection(("127.0.0.1", intake.port)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(count):
            begun = time.perf_counter()
            s.sendall(request)
            answer = s.recv(65536)
            times.append((time.perf_counter() - begun) * 1e3)
            if not answer.startswith(b"HTTP/1.1 202 ") or not answer.endswith(b"}\n"):
                die(f"/events: {answer}")
    return times


def syncs(folder, count):
    """Milliseconds of a write of 512 bytes that is on the disk: no intake can be faster."""
    path = os.path.join(folder, "syncs")
    with open(path, "wb") as f:
        f.write(bytes(512 * count))
        os.fsync(f.fileno())
    fd, times = os.open(path, os.O_WRONLY), []
    for i in range(count):
        begun = time.perf_counter()
        os.pwritev(fd, [b"x" * 512], 512 * i, os.RWF_DSYNC)
        times.append((time.perf_counter() - begun) * 1e3)
    os.close(fd)
    os.unlink(path)
    return times


def ingest(bench):
    """hta-ingest: single posts over 64 connections with the log on the disk and in memory; a lone client beside a bare loop of syncs; batches of 10,000"""
    packages("load", unless=("wrk",))
    script = os.path.join(bench.folder, "post.lua")
    with open(script, "w") as f:
        f.write(POST % EVENT)
    batch = ((EVENT + "\n") * 10000).encode()
    disk, memory, late, lone, bare, batches = [], [], [], [], [], []
    for _ in range(bench.rounds):
        with Intake("/dev/shm") as intake:
            memory.append(singles(intake, script)[0])
        with Intake(bench.folder) as intake:
            rate, p99_ms = singles(intake, script)
            disk.append(rate)
            late.append(p99_ms)
            bare.append(statistics.median(syncs(bench.folder, 300)))
            lone.append(statistics.median(alone(intake, 300)))
            batches.append(10000e3 / statistics.median(posts(intake, "/ingest", "application/x-ndjson", batch, 20)))
    middle = statistics.median
    return figures("events over HTTP, durable", {
        "single posts, log in memory": (middle(memory), "a second"),
        "single posts, log on the disk": (middle(disk), "a second"),
        "of these, 99th percentile": (middle(late), "ms"),
        "a lone client, median": (middle(lone), "ms"),
        "a bare write and sync, median": (middle(bare), "ms"),
        "batches of 10,000, one connection": (middle(batches), "events a second"),
    }, [
        target("single posts: log on the disk / in memory", middle(disk) / middle(memory), 0.33),
        target("single posts, 99th percentile, ms", middle(late), 20, "at most"),
        target("a lone client, beyond a bare sync, ms", middle(lone) - middle(bare), 0.3, "at most"),
        target("batches of 10,000: thousand events a second", middle(batches) / 1e3, 500),
    ])


TASKS = {"ingest": ingest}
