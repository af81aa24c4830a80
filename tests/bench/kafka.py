"""Kafka as the source, and written to: kafka produce zstd go slow. Ours against the client library alone, kcat and a Go program on one topic of four partitions."""
import contextlib, os, shutil, subprocess
from files import T1, csv_rows, ours_rows, same
from measure import compare, die, figures, target
from tools import HERE, cache, sh

TUNED = "-X queued.min.messages=500000 -X queued.max.messages.kbytes=131072 -X fetch.wait.max.ms=50"     # what hta-consume has
FIELDS = ["endpoint", "status"]
# enough work a line that mawk is what everything waits for
SLOW = "mawk -F '\"' '{ n[$24]++; bytes += length($0) } END { for (k in n) lines += n[k]; print lines, bytes }'"


@contextlib.contextmanager
def topic_of(bench, partitions=4, load=True, codec="none"):
    """A topic with the events, deleted behind the task; gives (broker, topic)."""
    bench.service("kafka")
    broker = os.environ["HTA_BROKERS"]
    bench.topics = getattr(bench, "topics", 0) + 1
    topic = f"bench-{os.getpid()}-{bench.topics}"
    sh(["kadm", "-b", broker, "create", topic, str(partitions)])
    try:
        if load:
            sh(f"kcat -P -b {broker} -t {topic} -z {codec} -X sticky.partitioning.linger.ms=0 -X queue.buffering.max.messages=1000000 <{bench.events()}")
        yield broker, topic
    finally:
        sh(["kadm", "-b", broker, "delete", topic])


def text(command):
    return sh(command, stdout=subprocess.PIPE, text=True).strip()


def rates(title, result, n):
    """Messages a second of the clock and of the processor."""
    values = {f"{name}, {word}": (n / r[key], "messages/s") for name, r in result["results"].items() for word, key in (("wall", "wall"), ("CPU", "cpu"))}
    return figures(title, values)


def kafka(bench):
    """hta-consume to /dev/null and into T1, against the bare client library and kcat"""
    with topic_of(bench) as (broker, topic):
        bare, read = f"bare_consumer {broker} {topic}", f"hta-consume -b {broker} -t {topic} -e"
        size = os.path.getsize(bench.events())
        want = [str(bench.n), str(size - bench.n)]
        if text(bare).split() != want or text(f"{read} | wc -lc").split() != [str(bench.n), str(size)]:
            die(f"kafka: not {bench.n} messages of {size - bench.n} bytes")
        same("kafka, T1", ours_rows(f"{read} | {T1}", FIELDS), ours_rows(f"{T1} {bench.events()}", FIELDS))
        r = compare("Kafka", {"bare librdkafka, batches": bare, "kcat -C -q, tuned": f"kcat -C -q -e -b {broker} -t {topic} {TUNED}", "hta-consume": read,
                              "hta-consume | hta-window, T1": f"{read} | {T1}"}, bench.rounds,
                    {"hta-consume | hta-window, T1": 0.9, "hta-consume": ("kcat -C -q, tuned", 1.5)})
    return [r, rates("Kafka, messages", r, bench.n)]


def produce(bench):
    """hta-sink-kafka from a file, against rd_kafka_produce_batch alone"""
    with topic_of(bench, load=False) as (broker, topic):
        ours = f"hta-sink-kafka -b {broker} -t {topic} <{bench.events()}"
        return compare("Kafka, producing", {"bare librdkafka, batches": f"bare_producer {broker} {topic} {bench.events()}", "hta-sink-kafka": ours}, bench.rounds,
                       {"hta-sink-kafka": 0.8})


def zstd(bench):
    """the same of a topic whose batches are compressed, against the bare client library"""
    with topic_of(bench, codec="zstd") as (broker, topic):
        ours = f"hta-consume -b {broker} -t {topic} -e | {T1}"
        same("Kafka, zstd, T1", ours_rows(ours, FIELDS), ours_rows(f"{T1} {bench.events()}", FIELDS))
        return compare("Kafka, zstd", {"bare librdkafka, batches": f"bare_consumer {broker} {topic}", "hta-consume | hta-window, T1": ours}, bench.rounds,
                       {"hta-consume | hta-window, T1": 0.9})


def go_program():
    """Builds ref/go with its pinned modules; returns the program."""
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not os.path.exists(go):
        die("no Go in PATH nor /usr/local/go: install it from go.dev/dl")
    program = os.path.join(cache(), "go-t1")
    sh([go, "build", "-o", program, "."], cwd=os.path.join(HERE, "ref", "go"))
    return program


def go(bench):
    """Kafka -> T1, CPU of all stages, against Go by hand (franz-go, fastjson, a map)"""
    program = go_program()
    with topic_of(bench) as (broker, topic):
        theirs, ours = f"{program} {broker} {topic}", f"hta-consume -b {broker} -t {topic} -e | {T1}"
        same("Kafka, T1, Go", ours_rows(ours, FIELDS), csv_rows(theirs, len(FIELDS)))
        r = compare("Kafka -> T1", {"Go: franz-go, fastjson, a map": theirs, "hta-consume | hta-window": ours}, bench.rounds, {"hta-consume | hta-window": 2}, "cpu")
    return [r, rates("Kafka -> T1, events", r, bench.n)]


def slow(bench):
    """a slow reader: hta-consume | mawk against cat | mawk, the same lines, both on the first two processors"""
    with topic_of(bench) as (broker, topic):
        commands = {"cat | mawk": f"cat {bench.events()} | {SLOW}", "hta-consume | mawk": f"hta-consume -b {broker} -t {topic} -e | {SLOW}"}
        if len({text(c) for c in commands.values()}) != 1:
            die("slow: the lines are not the same")
        pinned = {name: "taskset -c -p 0,1 $$ >/dev/null; " + c for name, c in commands.items()}
        r = compare("slow reader", pinned, bench.rounds)
    wall = r["results"]["hta-consume | mawk"]["wall"] / r["results"]["cat | mawk"]["wall"]
    return {**r, "targets": [target("slow reader: hta-consume | mawk / cat | mawk, wall", wall, 1.3, "at most")]}


TASKS = {"kafka": kafka, "produce": produce, "zstd": zstd, "go": go, "slow": slow}
