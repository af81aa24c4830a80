"""Hosts that share the state of hta-dedup, driven by hand: dedup_hosts.py SCENE [SEED...], in an empty folder. tests/model/dedup_hosts.pml is the same with all orders.

What passes a barrier is what sinks may have. Checked: a record that is judged again has the verdict that it had; in the end a record that was left out has a unique one
of its key within the horizon, and no two unique ones are that near."""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

INC, GEN = "0123456789abcdef", "fedcba9876543210"


def control(kind, **members):
    return json.dumps({"$hta": INC, "k": kind, **members}, separators=(",", ":"))


def expect(holds, what):
    if not holds:
        raise SystemExit(f"not so: {what}")


class Server:
    """Redis with a file that is durable when it answers; it may come back with less than it had."""
    def __init__(self):
        self.socket, self.folder, self.process = os.path.abspath("sock"), os.path.abspath("data"), None
        os.mkdir(self.folder)
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.folder, "--appendonly", "yes",
                                         "--appendfsync", "always"], stdout=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while self.call("ping") != "PONG":
            expect(time.monotonic() < end, "the server starts")
            time.sleep(0.01)

    def call(self, *words):
        return subprocess.run(["redis-cli", "-s", self.socket, *words], capture_output=True, text=True).stdout.strip()

    def stop(self):
        self.process.kill()
        self.process.wait()

    def keep(self):
        """What it has is durable: a restart brings back at least that."""
        shutil.rmtree("kept", ignore_errors=True)
        shutil.copytree(self.folder, "kept")

    def restart(self, lose):
        self.stop()
        if lose:
            shutil.rmtree(self.folder)
            shutil.copytree("kept", self.folder)
        self.start()

    def part(self, p):
        """Fence, next, floor, safe, safe_s of a partition."""
        words = self.call("hget", "{hta:web}part", f"ev/{p}").split()
        return [int(word) for word in words] or [0, 0, 0, 0, 0]

    def count(self, what):
        return int(self.call("llen", "{hta:web}" + what))


class Host:
    """One hta-dedup. Records are (partition, offset, line)."""
    def __init__(self, server, *options):
        self.process = subprocess.Popen(["hta-dedup", "-q", "--key", "id", "--state", f"unix://{server.socket}", "--dead", "drop", *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        self.out = os.fdopen(self.process.stdout.fileno(), "rb", closefd=False)
        self.marks = self.epoch = self.bytes = self.lines = 0
        self.at, self.open, self.passed = {}, {}, []    # next offset of each; from of each; lines since the last barrier
        self.last, self.code, self.said = None, None, ""
        self.write('{"$hta":"hello","v":1,"inc":"%s","job":"web","group":"g","unit":"record","ack":"/nowhere","stages":[{"s":"hta-consume"}]}' % INC)

    def write(self, *lines):
        try:
            self.process.stdin.write("".join(line + "\n" for line in lines).encode())
        except BrokenPipeError:
            pass

    def until(self, kind):
        """Reads up to a control record of that kind. False: the program has left, its code is known."""
        for line in self.out:
            line = line.decode().rstrip("\n")
            if not line.startswith('{"$hta"'):
                self.passed.append(line)
            elif json.loads(line).get("k") == kind:
                return True
        self.said = self.process.stderr.read().decode()
        self.code = self.process.wait()
        return False

    def mark(self):
        """What was written before it is judged."""
        self.write(control("mark"))
        return self.until("mark")

    def read(self, parts):
        """parts: {partition: (init, from, next)}. The open epoch is none any more."""
        self.at = {p: place[1] for p, place in parts.items()}
        self.open, self.passed, self.lines, self.bytes = dict(self.at), [], 0, 0
        self.write(control("read", gen=GEN, pos=[{"t": "ev", "p": p, "init": i, "from": f, "next": n} for p, (i, f, n) in parts.items()]))
        return self.mark()

    def records(self, p, records, origin=None):
        """[(offset, line)], in order."""
        lines = []
        for offset, line in records:
            more = {"from": {"t": "ev", "p": origin[0], "o": origin[1]}} if origin else {}
            if origin or offset != self.at[p] or not self.lines or self.last != p:
                lines.append(control("at", t="ev", p=p, o=offset, **more))
            lines.append(line)
            self.at[p], self.last = offset + 1, p
            self.lines += 1
            self.bytes += len(line) + 1
        self.write(*lines)
        return self.mark()

    def judged(self, p, *records):
        """What of them is unique."""
        before = len(self.passed)
        expect(self.records(p, records), f"the host goes on, not {self.code}: {self.said}")
        return self.passed[before:]

    def barrier(self, skip=None):
        """The lines that pass with it; None: it did not. skip: {partition: offset} up to where the log has nothing."""
        self.at.update(skip or {})
        self.epoch += 1
        moved = [{"t": "ev", "p": p, "f": f, "to": self.at[p]} for p, f in self.open.items()]
        self.write(control("bar", e=self.epoch, gen=GEN, r=moved, acct=[{"s": "x", "in": self.lines, "out": self.lines, "bytes": self.bytes}]))
        self.open, self.lines, self.bytes = dict(self.at), 0, 0
        if not self.until("bar"):
            return None
        passed, self.passed = self.passed, []
        return passed

    def leave(self):
        self.process.kill()
        self.process.communicate()

    def left(self, code, words):
        expect(self.code == code and words in self.said, f"{code}, {words}, and not {self.code}: {self.said}")


def record(key, n=0, at="00:00:00"):
    return json.dumps({"id": key, "n": n, "ts": f"2026-01-01T{at}Z"}, separators=(",", ":"))


def shared(server):
    a, b = Host(server), Host(server)
    a.read({0: (0, 0, 0)})
    b.read({1: (0, 0, 0)})
    expect(a.judged(0, (0, record("x", 1)), (1, record("y", 1)), (2, record("x", 2))) == [record("x", 1), record("y", 1)], "the first of each")
    expect(b.judged(1, (0, record("x", 3)), (1, record("z", 3))) == [record("z", 3)], "what another host has is a duplicate")
    expect(a.judged(0, (3, record("z", 4))) == [], "and the other way")
    expect(a.barrier() == [record("x", 1), record("y", 1)], "a barrier passes")
    expect(b.barrier() == [record("z", 3)], "the other one too")
    expect(server.count("open:ev/0") == 0 and server.count("chunk:ev/0") >= 1, "claims are sealed")
    # both partitions move to one host, which replays them
    a.read({0: (0, 0, 4), 1: (0, 0, 2)})
    expect(a.judged(1, (0, record("x", 3)), (1, record("z", 3)), (2, record("new", 3))) == [record("z", 3), record("new", 3)], "a replay has its verdicts")
    expect(a.judged(0, (0, record("x", 1)), (1, record("y", 1)), (2, record("x", 2)), (3, record("z", 4)), (4, record("new", 4))) == [record("x", 1), record("y", 1)], "and here")
    expect(a.barrier() is not None, "it passes")
    expect(server.call("hget", "{hta:web}state", "keys") == "4", "four keys are held")
    b.leave()
    a.leave()


def zombie(server):
    for what in ("record", "barrier"):
        server.call("flushall")
        a, b = Host(server), Host(server)
        a.read({0: (0, 0, 0), 1: (0, 0, 0)})
        expect(a.judged(0, (0, record("x", 1))) == [record("x", 1)], "it has the partition")
        b.read({0: (0, 0, 0)})
        expect(b.judged(0, (0, record("x", 1))) == [record("x", 1)], "whoever has it next gets the same verdict")
        if what == "record":
            expect(not a.records(0, [(1, record("y", 1))]), "the zombie's record is refused")
        else:
            expect(a.barrier() is None, "the zombie's barrier is refused")
        a.left(75, "ev/0 was taken by another host")
        expect(b.judged(0, (1, record("y", 2))) == [record("y", 2)], "nothing of the zombie's is left")
        expect(b.barrier() == [record("x", 1), record("y", 2)], "the owner goes on")
        b.leave()


def claims(server):
    a, b = Host(server), Host(server)
    a.read({0: (0, 0, 0)})
    b.read({1: (0, 0, 0)})
    expect(len(a.judged(0, (0, record("x", 1)), (1, record("y", 1)), (2, record("z", 1)))) == 3, "three claims")
    a.leave()
    expect(b.judged(1, (0, record("x", 2))) == [], "they stay when their host dies")
    c = Host(server)
    # the log has lost the first, the barrier does not reach the third
    c.read({0: (0, 0, 0)})
    expect(c.judged(0, (1, record("y", 1))) == [record("y", 1)], "a claim is its record's")
    expect(c.barrier() == [record("y", 1)], "it passes")
    expect(server.call("hget", "{hta:web}state", "keys") == "2", "the one that nobody can read any more is free")
    expect(b.judged(1, (1, record("x", 3)), (2, record("y", 3)), (3, record("z", 3))) == [record("x", 3)], "and the others are not")
    expect(c.judged(0, (2, record("z", 1))) == [record("z", 1)], "the third is found again")
    expect(c.barrier() == [record("z", 1)] and server.count("left:ev/0") == 0, "and sealed")
    # a crash between: claimed, found again by one that dies, then lost
    expect(c.judged(0, (3, record("q", 1))) == [record("q", 1)], "one more")
    c.leave()
    c = Host(server)
    c.read({0: (0, 3, 3)})
    expect(c.judged(0, (3, record("q", 1))) == [record("q", 1)], "found again")
    c.leave()
    c = Host(server)
    c.read({0: (0, 3, 3)})
    expect(c.barrier({0: 4}) == [], "a barrier over nothing")
    expect(b.judged(1, (4, record("q", 2))) == [record("q", 2)], "the key is free")
    for host in (b, c):
        host.leave()


def floors(server):
    options = ("--horizon", "1m", "--time", "ts")
    a, b = Host(server, *options), Host(server, *options)
    a.read({0: (0, 0, 0)})
    b.read({1: (0, 0, 0)})
    b.judged(1, (0, record("b", 0, "00:00:00")))
    b.barrier()
    a.judged(0, (0, record("x", 0, "00:00:00")))
    a.barrier()
    for minute in range(1, 20):
        a.judged(0, (minute, record(f"a{minute}", 0, f"00:{minute:02}:00")))
        a.barrier()
    expect(server.part(0)[2] == 0 and server.call("hget", "{hta:web}state", "keys") == "21", "a partition that is behind holds all")
    expect(b.judged(1, (1, record("x", 1, "00:00:59"))) == [], "so its records are judged by what was there")
    for minute in range(1, 20):
        b.judged(1, (minute + 1, record(f"b{minute}", 0, f"00:{minute:02}:00")))
        b.barrier()
    a.judged(0, (20, record("end", 0, "00:21:00")))
    a.barrier()
    floor = server.part(0)[2]
    expect(5 < floor < 15, f"then they are dropped, up to what sinks may need: {floor}")
    old, c = Host(server, *options), Host(server, "--adopt", *options)
    old.read({0: (0, floor - 1, 21)})
    expect(not old.records(0, [(floor - 1, record("a", 0, "00:05:00"))]), "a record from below is refused")
    old.left(75, f"below {floor} were dropped")
    old = Host(server, *options)
    old.read({0: (0, floor - 1, 21)})
    expect(old.barrier({0: floor}) is None, "and a barrier")
    old.left(75, f"below {floor} were dropped")
    c.read({0: (0, floor - 1, 21)})
    expect(c.judged(0, (floor - 1, record("gone", 0, "00:05:00")), (floor, record("unknown", 0, "00:05:00"))) == [record("gone", 0, "00:05:00")], "--adopt takes what is below for new, and nothing else")
    expect(c.barrier() is not None, "and its barrier passes")
    for host in (a, b, c):
        host.leave()


def server_away(server):
    a = Host(server)
    a.read({0: (0, 0, 0)})
    a.judged(0, (0, record("x", 1)))
    server.restart(lose=False)
    expect(a.barrier() is None, "a connection that broke is an end")
    a.left(75, "")
    a = Host(server)
    a.read({0: (0, 0, 0)})
    # a proxy keeps the connection while the server behind it is another: its process is asked for
    server.call("set", "unrelated", "1")
    fence, *rest = server.call("hget", "{hta:web}part", "ev/0").split()
    a.judged(0, (0, record("x", 1)))
    server.call("del", "{hta:web}part")
    expect(not a.records(0, [(1, record("y", 1))]), "a state that is gone refuses")
    a.left(75, "taken by another host")
    server.call("hset", "{hta:web}part", "ev/0", " ".join([fence, *rest]))
    b = Host(server)
    b.read({0: (0, 0, 0)})
    expect(server.part(0)[0] > int(fence), "fences grow")
    b.leave()


def letters(server):
    a = Host(server)
    a.read({0: (0, 0, 0)})
    a.judged(0, (0, record("a")), (1, record("b")))
    a.barrier()
    expect(a.records(0, [(2, record("b", 9))], (0, 1)) and a.passed == [record("b", 9)], "it has its original's place")
    expect(a.records(0, [(3, record("c"))], (0, 77)) and a.passed[1:] == [record("c")], "whose key had none")
    a.leave()
    a = Host(server)
    a.read({0: (0, 2, 2)})
    # the log has lost both: the first one's place is the original's, the second's is free
    expect(a.barrier({0: 4}) == [], "a barrier over both")
    expect(a.judged(0, (4, record("b", 1)), (5, record("c", 1))) == [record("c", 1)], "a place that was sealed stays")
    a.barrier()
    a.read({0: (0, 0, 6)})
    expect(a.judged(0, (0, record("a")), (1, record("b"))) == [record("a"), record("b")], "and so do verdicts")
    a.leave()


class Random:
    """The model with processes."""
    PARTS, RECORDS, KEYS = 3, 60, 40

    def __init__(self, server, seed):
        self.random, self.server = random.Random(seed), server
        self.horizon = self.random.choice((0, 20))
        self.options = ("--horizon", f"{self.horizon}s", "--time", "ts") if self.horizon else ()
        self.gap = self.random.random() < 0.5
        self.log = {p: self.make(p) for p in range(self.PARTS)}
        self.lost, self.verdict = set(), {}
        self.passed = [0] * self.PARTS
        self.owner = [self.random.randrange(2) for _ in range(self.PARTS)]
        self.hosts, self.told, self.events = [None, None], [None, None], {}
        server.keep()

    def make(self, p):
        second, out = 0, []
        for n in range(self.RECORDS):
            second += self.random.randrange(4)
            key = f"k{self.random.randrange(self.KEYS)}"
            out.append((key, second, record(key, f"{p}/{n}", f"00:{second // 60:02}:{second % 60:02}")))
        return out

    def count(self, what):
        self.events[what] = self.events.get(what, 0) + 1

    def begin(self, h):
        """A start, or an assignment: positions are what sinks may have."""
        if self.hosts[h] and self.hosts[h].at != self.hosts[h].open:
            self.close(h)
        if self.hosts[h] is None:
            self.hosts[h] = Host(self.server, *self.options)
        place = {}
        for p in range(self.PARTS):
            if self.owner[p] != h:
                continue
            safe = self.server.part(p)[3] if self.horizon else 0
            from_ = self.random.randint(min(safe, self.passed[p]), self.passed[p])
            place[p] = (0, from_, self.random.randint(from_, self.passed[p]))
        self.told[h] = sorted(place)
        if place and not self.hosts[h].read(place):
            self.ended(h)

    def ended(self, h):
        host = self.hosts[h]
        expect(host.code == 75, f"75, and not {host.code}: {host.said}")
        self.count("75: " + ("taken" if "taken" in host.said else "server" if "server" in host.said else "below" if "below" in host.said else "connection"))
        self.hosts[h] = None

    def step(self, h):
        host = self.hosts[h]
        if host is None or (self.random.random() < 0.7 and self.told[h] != [p for p in range(self.PARTS) if self.owner[p] == h]):
            self.begin(h)
        elif self.told[h] and self.random.random() < 0.6:
            p = self.random.choice(self.told[h])
            end = min(host.at[p] + self.random.randint(1, 5), self.RECORDS)
            taken = [(o, self.log[p][o][2]) for o in range(host.at[p], end) if (p, o) not in self.lost]
            if taken and not host.records(p, taken):
                self.ended(h)
            host.at[p], host.last = end, None
        elif self.told[h] and host.at != host.open:
            self.close(h)

    def close(self, h):
        host = self.hosts[h]
        from_, to = dict(host.open), dict(host.at)
        lines = host.barrier()
        if lines is None:
            self.ended(h)
            return
        self.server.keep()
        unique = {json.loads(line)["n"] for line in lines}
        for p in to:
            self.passed[p] = max(self.passed[p], to[p])
            for o in range(from_[p], to[p]):
                if (p, o) in self.lost and f"{p}/{o}" not in unique:
                    continue
                is_unique = f"{p}/{o}" in unique
                had = self.verdict.setdefault((p, o), is_unique)
                expect(had == is_unique, f"{p}/{o} is judged again as {is_unique}")
                unique.discard(f"{p}/{o}")
        expect(not unique, f"records that the barrier does not cover: {unique}")
        self.count("barriers")

    def disturb(self):
        what = self.random.random()
        h = self.random.randrange(2)
        if what < 0.45:
            self.owner[self.random.randrange(self.PARTS)] = h
            self.count("moves")
        elif what < 0.8:
            if self.hosts[h]:
                self.hosts[h].leave()
                self.hosts[h] = None
                self.count("kills")
        elif what < 0.9:
            self.server.restart(lose=True)
            self.count("restarts")
        elif self.gap:
            p = self.random.randrange(self.PARTS)
            o = min(self.passed[p] + self.random.randrange(4), self.RECORDS - 1)
            if (p, o) not in self.verdict:
                self.lost.add((p, o))
                self.count("lost")

    def near(self, a, b):
        return not self.horizon or abs(a - b) <= self.horizon

    def check(self):
        lost_keys = {self.log[p][o][0] for p, o in self.lost}
        for (p, o), is_unique in self.verdict.items():
            key, second, _ = self.log[p][o]
            others = [self.log[q][n][1] for (q, n), u in self.verdict.items() if u and (q, n) != (p, o) and self.log[q][n][0] == key]
            if is_unique:
                expect(not any(self.near(second, other) for other in others), f"{p}/{o}: {key} was unique twice within the horizon")
            elif key not in lost_keys:
                expect(any(other >= second - self.horizon or not self.horizon for other in others), f"{p}/{o}: {key} is nowhere")
        missing = [(p, o) for p in range(self.PARTS) for o in range(self.RECORDS) if (p, o) not in self.verdict and (p, o) not in self.lost]
        expect(not missing, f"never judged: {missing}")

    def run(self):
        end = time.monotonic() + 300
        while min(self.passed) < self.RECORDS:
            expect(time.monotonic() < end, f"it comes to an end: {self.passed}")
            self.step(self.random.randrange(2))
            if self.random.random() < 0.06:
                self.disturb()
        for host in self.hosts:
            if host:
                host.leave()
        self.check()
        print(f"horizon {self.horizon}: {sum(self.verdict.values())} unique of {len(self.verdict)}; {self.events}")


def main(scene, *seeds):
    scenes = {"shared": shared, "zombie": zombie, "claims": claims, "floors": floors, "server": server_away, "letters": letters}
    server = Server()
    try:
        if scene != "random":
            scenes[scene](server)
        for seed in seeds:
            print(f"seed {seed}", flush=True)
            server.call("flushall")
            Random(server, int(seed)).run()
    finally:
        server.stop()


main(*sys.argv[1:])
