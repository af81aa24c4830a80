"""An archive in a bucket (versitygw): claimed epochs of hta-sink-s3 with connections that are cut at every place of an upload, a server that is killed, and
stages that are. Objects are read as files, by zstd(1)."""
import os
import subprocess
from collections import Counter

from pipes import SESSION_MS
from scenes_claims import CRASHES, Folder, kill_one
from scenes_kafka_sink import KINDS, under_faults
from servers import SERVICES
from tap import Failure, Skip


class Bucket(Folder):
    """in -> objects."""

    def __init__(self, bench, trace, keeper="sqlite"):
        code, why = bench.servers.start("s3")["s3"]
        if code:
            raise Skip(why)
        super().__init__(bench, trace, keeper)
        self.proxy = bench.servers.proxy("s3")
        self.restart = lambda: bench.servers.restart("s3", "KILL")
        script = f". {SERVICES}; svc_s3_place {bench.servers.folder} {self.name}"
        place = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=True, env=bench.servers.environ).stdout
        words = dict(w.split("=", 1) for w in place.split()[1:])
        self.bucket, self.out = words["S3_BUCKET"], words["S3_FOLDER"]
        os.environ.update(AWS_ACCESS_KEY_ID="hta", AWS_SECRET_ACCESS_KEY="right", AWS_REGION="us-east-1", AWS_EC2_METADATA_DISABLED="true")

    def stages(self, timeout_ms=0):
        source = ["hta-consume", "-v", "-b", self.brokers, "-t", self.topics["in"], "-g", self.name, "-X", f"session.timeout.ms={SESSION_MS}",
                  "-X", "heartbeat.interval.ms=400", "-X", "max.poll.interval.ms=6000", "--epoch", "50ms", "--epoch-records", "500", "--dead", "drop"]
        sink = ["hta-sink-s3", "-v", "--init", "--positions", self.positions, "--endpoint", f"http://127.0.0.1:{self.proxy.port}", f"s3://{self.bucket}/a"]
        return [source, sink, ["hta-commit"]]

    def read(self, kind):
        files = [os.path.join(d, f) for d, _, names in os.walk(os.path.join(self.out, "a")) for f in names if f.endswith(".zst")]
        if kind != "clean" or not files:
            return Counter()
        p = subprocess.run(["zstd", "-dcq", *files], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if p.returncode:
            raise Failure(f"zstd: {p.stderr.decode(errors='replace')}")
        return Counter(p.stdout.splitlines())


def cut_now(w, _):
    w.proxy.cut()
    return "connections to the bucket cut", "cuts"


def cut_at(w, _):
    pattern = w.random.choice([b"<CompleteMultipartUpload>", b"partNumber=1", b"?uploads=", b"DELETE ", b"HEAD "])
    when = w.random.choice(["before", "inside", "after"])
    w.proxy.cut_on(pattern, when)
    return f"cut {when} {pattern.decode()}", "cuts"


def cut_answer(w, _):
    w.proxy.cut_after(w.random.randint(1, 3000))
    return "cut after some bytes", "cuts"


def kill_server(w, _):
    w.restart()
    return "the bucket's server killed and started", "servers killed"


FAULTS = [kill_one] * 3 + KINDS[5:] + [cut_now, cut_at, cut_at, cut_at, cut_answer, cut_answer, kill_server]


def storm(trace, bench):
    """Random faults on two pipelines of a group. In between and in the end: each record once."""
    w = Bucket(bench, trace)
    under_faults(w, trace, 200 if bench.long else 30, CRASHES, FAULTS, w.produce, proxy=w.proxy)
    w.finish(180)


TESTS = [("s3: random faults, each record once", storm, True)]
