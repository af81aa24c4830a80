"""Further stores and formats, run when named: s3 clickhouse avro. What each reaches, with the events compared first."""
import os, subprocess
from measure import compare, die, figures, measure, median, target
from kafka import text, topic_of
from tools import TESTS, sh

AIMS = {"s3": 1e6, "clickhouse": 200e3, "avro": 1.5e6}
SCHEMA = '{"type":"record","name":"Event","fields":[%s]}' % ",".join(
    '{"name":"%s","type":"%s"}' % (name, kind) for name, kind in {"ts": "string", "endpoint": "string", "status": "int", "latency_ms": "double",
                                                                 "customer": "string", "region": "string", "event_type": "string", "user_id": "string"}.items())


def job(name, file, sink):
    return f"hta-consume -q --job {name} --dead drop --epoch-records 100000 {file} | {sink} | hta-commit -q"


def server(bench, name):
    """The service runs, and has a place of this run's own."""
    bench.service(name)
    sourced = f'. "{TESTS}/services.sh" && svc_{name}_place "$1" bench_{os.getpid()}'
    for line in sh(["bash", "-c", sourced, "place", os.path.join(bench.folder, "services")], stdout=subprocess.PIPE, text=True).splitlines():
        for word in line.split()[1:]:
            key, _, value = word.partition("=")
            os.environ[key] = value.strip("'\"")


def s3(bench):
    """hta-sink-s3 to .zst, against zstd alone"""
    server(bench, "s3")
    file, runs, n = bench.events(), iter(range(1000)), bench.n

    def ours():
        k = next(runs)
        return measure(job(f"s3-{k}", file, f"hta-sink-s3 -q --positions {bench.folder}/s3-{k}.db --init s3://$S3_BUCKET/{k}"))
    ours()
    if text("hta-consume -q --dead drop s3://$S3_BUCKET/0 | cksum") != text(f"cksum <{file}"):
        die("s3: the archive is not the file")
    r = compare(f"{n} events into S3, .zst", {"zstd -3": f"zstd -q -3 <{file}", "hta-sink-s3, the whole pipeline": ours}, bench.rounds)
    cpu = r["results"]["hta-sink-s3, the whole pipeline"]["cpu"]
    return [r, figures("into S3, a CPU second", {"events": (n / cpu / 1000, "k events/s")}, [target("events a CPU second into S3", n / cpu, AIMS["s3"])])]


def clickhouse(bench):
    """hta-sink-clickhouse --events, by the clock"""
    server(bench, "clickhouse")
    file, n, names = bench.events(), bench.n, iter(range(1000))

    def ours():
        k = next(names)
        return measure(job(f"ch-{k}", file, f"hta-sink-clickhouse -q --events --table bench_{k} --init --positions {bench.folder}/ch-{k}.db"))
    ours()
    if text("hta-query events --table bench_0 -d $CLICKHOUSE_URL --limit 100000000 | LC_ALL=C sort | cksum") != text(f"LC_ALL=C sort {file} | cksum"):
        die("clickhouse: what is stored is not the file")
    r = median([ours() for _ in range(bench.rounds)])
    return figures(f"{n} events into ClickHouse, a second", {"by the clock": (n / r["wall"] / 1000, "k events/s"), "by our CPU": (n / r["cpu"] / 1000, "k events/s")},
                   [target("events a second into ClickHouse", n / r["wall"], AIMS["clickhouse"])])


def avro(bench):
    """hta-consume --decode avro, a record of eight fields, by CPU"""
    bench.service("registry")
    os.environ["HTA_REGISTRY"] = os.environ["HTA_TEST_REGISTRY"]
    schema, n = os.path.join(bench.folder, "event.avsc"), bench.n // 5
    with open(schema, "w") as f:
        f.write(SCHEMA)
    with topic_of(bench, 1, load=False) as (broker, topic):
        file, members = os.path.join(bench.folder, "eight.ndjson"), "ts, endpoint, status, latency_ms, customer, region, event_type, user_id"
        sh(f"jq -c '{{{members}}}' {bench.events(n)} >{file}")
        sh(f"hta-sink-kafka -q -b {broker} -t {topic} --encode avro --schema {schema} --register <{file}")
        fields = f"[.{members.replace(', ', ', .')}]"
        read = f"hta-consume -q -b {broker} -t {topic} -e --decode avro"
        if text(f"{read} | jq -c '{fields}' | cksum") != text(f"jq -c '{fields}' {file} | cksum"):
            die("avro: what is read is not what was written")
        r = median([measure(read) for _ in range(bench.rounds)])
    return figures(f"{n} records of Avro", {"by CPU": (n / r["cpu"] / 1000, "k events/s")}, [target("records of Avro a CPU second", n / r["cpu"], AIMS["avro"])])


BY_NAME = {"s3": s3, "clickhouse": clickhouse, "avro": avro}
