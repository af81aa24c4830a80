"""Events in MongoDB (FerretDB), positions beside them: stages and the server are killed in the middle of requests, connections are cut inside of upserts,
of positions that move and of answers, two pipelines share the partitions. Each record is one document."""
import json
import subprocess
from collections import Counter

from pipes import SESSION_MS
from scenes_claims import Folder, kill_one
from scenes_kafka_sink import KINDS, under_faults
from tap import Failure, Skip

SINK = 1
CRASHES = [(SINK, p) for p in ("line-half", "barrier-before", "barrier-after", "sink-inside", "sink-written", "sink-sent", "sink-init")] + [
    (0, "source-assigned"), (0, "source-revoked"), (2, "barrier-before")]
FEWER = 20          # an upsert takes this server milliseconds
# Debian's Python has the client, whichever else runs this
READ = """import sys, json, pymongo
db = pymongo.MongoClient("127.0.0.1", int(sys.argv[1]), serverSelectionTimeoutMS=20000, socketTimeoutMS=30000)[sys.argv[2]]
json.dump([(d["_id"], d["record"], d.get("event")) for d in db.hta_events.find()], sys.stdout)"""


class Collection(Folder):
    """in -> documents."""

    def __init__(self, bench, trace):
        code, why = bench.servers.start("mongo")["mongo"]
        if code:
            raise Skip(why)
        super().__init__(bench, trace, "sqlite")
        self.port = bench.servers.port("mongo")
        self.proxy = bench.servers.proxy("mongo")
        self.restart = lambda: bench.servers.restart("mongo", "KILL")
        # made once: two that make the same indexes at the same moment are more than FerretDB can do
        p = subprocess.run(["hta-sink-mongo", "--init", f"mongodb://127.0.0.1:{self.port}/{self.name}"], stdin=subprocess.DEVNULL,
                           stderr=subprocess.PIPE, timeout=60)
        if p.returncode:
            raise Failure(f"--init: {p.stderr.decode(errors='replace')}")

    def stages(self, timeout_ms=0):
        source = ["hta-consume", "-v", "-b", self.brokers, "-t", self.topics["in"], "-g", self.name, "-X", f"session.timeout.ms={SESSION_MS}",
                  "-X", "heartbeat.interval.ms=400", "-X", "max.poll.interval.ms=6000", "--epoch", "50ms", "--epoch-records", "100"]
        return [source, ["hta-sink-mongo", "-v", f"mongodb://127.0.0.1:{self.proxy.port}/{self.name}"], ["hta-commit"]]

    def produce(self, count):
        super().produce(count // FEWER + 1)

    def read(self, kind):
        if kind != "clean":
            return Counter()
        p = subprocess.run(["/usr/bin/python3", "-c", READ, str(self.port), self.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        if p.returncode:
            raise Failure(f"documents: {p.stderr.decode(errors='replace')[-500:]}")
        found = Counter()
        for key, record, event in json.loads(p.stdout):
            if json.loads(record) != event:
                raise Failure(f"{key} has {record}, and as members {event}")
            found[record.encode()] += 1
        return found


def cut_now(w, _):
    w.proxy.cut()
    return "connections cut", "cuts"


def cut_at(w, _):
    pattern = w.random.choice([b"$setOnInsert", b"hta_job", b"hta_events"])
    when = w.random.choice(["before", "inside", "after"])
    w.proxy.cut_on(pattern, when)
    return f"cut {when} {pattern.decode()}", "cuts"


def cut_answer(w, _):
    w.proxy.cut_after(w.random.randint(1, 3000))
    return "cut after some bytes", "cuts"


def kill_server(w, _):
    w.restart()
    return "the server killed and started", "servers killed"


FAULTS = [kill_one] * 4 + KINDS[5:] + [cut_now, cut_at, cut_at, cut_at, cut_answer, kill_server]


def storm(trace, bench):
    """Random faults on two pipelines of a group. In between and in the end: each record once."""
    w = Collection(bench, trace)
    under_faults(w, trace, 200 if bench.long else 12, CRASHES, FAULTS, w.produce, proxy=w.proxy)
    w.finish(120)


TESTS = [("mongo: random faults, each record once", storm, True)]
