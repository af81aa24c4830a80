"""The cases of finality.tsv as what a store has of them: finality.py rows|pg|sqlite|redis|final|open FILE.

rows: a rollup row a case, its metric is the case's name. pg, sqlite, redis: what makes those metrics a job's, with its
positions, as statements or commands. final, open: the names of the cases in that state."""
import datetime
import json
import sys

START = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
NOTHING = "99aa06d3014798d86001c324468d497f"    # dims_hash of {}
SINK = {"pg": "S", "sqlite": "S", "redis": "redis:hta"}


def us(seconds):
    return None if seconds == "-" else round(float(seconds) * 1e6)


def text(of_us):
    t = (START + datetime.timedelta(microseconds=of_us)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return t.rstrip("0").rstrip(".") + "Z"


def cases(path):
    for line in open(path):
        if not line.startswith("#"):
            name, positions, lateness, since, window, state = line.rstrip("\n").split("\t")
            since = [[us(x) for x in one.split("..")] for one in since.split()] if ".." in since else us(since)
            yield name, positions, us(lateness), since, [us(x) for x in window.split("..")], state


def parts(positions):
    """(of another sink, watermark or None, idle) a partition"""
    for one in [] if positions in ("none", "nojob") else positions.split():
        yield one[0] == "x", us(one.strip("xi")), one[-1] == "i"


def quote(value):
    return "NULL" if value is None else str(value) if isinstance(value, int) else "'%s'" % value.replace("'", "''")


def in_1970(spans):
    return [[None if x is None else int(START.timestamp()) * 1000000 + x for x in span] for span in spans]


def sql(kind, job, name, positions, lateness, since):
    spans, since = (since, None) if isinstance(since, list) else ([], since)
    for span in spans if kind == "pg" else in_1970(spans):
        ends = [quote(None if x is None else text(x) if kind == "pg" else x) for x in span]
        yield "INSERT INTO hta_span (job, sink, metric, since, until) VALUES (%s, 'S', %s, %s, %s)" % (quote(job), quote(name), *ends)
    if spans:
        yield "INSERT INTO hta_rules (job, sink, rule_set, doc) VALUES (%s, 'S', '', %s)" % (quote(job), quote(rules(name, spans)))
    since = None if since is None else text(since)
    yield "UPDATE hta_metric SET job = %s, sink = 'S', since = %s WHERE metric = %s" % (quote(job), quote(since), quote(name))
    for sink in "SX" if positions != "nojob" else "":
        late = "interval '%d microseconds'" % lateness if kind == "pg" else lateness
        yield ("INSERT INTO hta_job (job, sink, generation, by_now, lateness) VALUES (%s, '%s', 'g', %s, %s)"
               % (quote(job), sink, "false" if kind == "pg" else "0", late))
    for i, (other, mark, idle) in enumerate(parts(positions)):
        since_1970 = None if mark is None else int(START.timestamp()) * 1000000 + mark
        if kind == "pg":
            mark, idle = quote(None if mark is None else text(mark)), str(idle).lower()
        else:
            mark, idle = quote(since_1970), int(idle)
        yield ("INSERT INTO hta_pos (job, sink, topic, partition, init, next, watermark, idle) VALUES (%s, '%s', 't', %d, 0, 1, %s, %s)"
               % (quote(job), "X" if other else "S", i, mark, idle))


def rules(name, spans):
    """The document that a sink keeps of a job's rules."""
    return json.dumps({"rules": [], "positions": [], "metrics": [{"name": name, "spans": [
        {k: v for k, v in zip(("since", "until"), span) if v is not None} for span in in_1970(spans)]}]})


def redis(job, name, positions, lateness, since):
    spans, since = (since, None) if isinstance(since, list) else ([], since)
    def command(*words):
        return " ".join(json.dumps(str(w)) for w in words)
    about = {"cfg": "", "def": {}, "job": job, "sink": SINK["redis"]}
    if since is not None:
        about["since"] = text(since)
    yield command("HSET", "{hta}:metric", name, json.dumps(about))
    if positions != "nojob":
        yield command("HSET", "{hta}:job:%s:redis%%3Ahta" % job, "generation", "0" * 16, "group", "", "by_now", 0, "lateness_us", lateness, *(["rules", rules(name, spans)] if spans else []))
    for i, (other, mark, idle) in enumerate(parts(positions)):
        mark = "-" if mark is None else int(START.timestamp()) * 1000000 + mark
        yield command("HSET", "{hta}:pos:%s:%s" % (job, "x" if other else "redis%3Ahta"), "t/%d" % i, "0 1 - - - %s %d" % (mark, idle))


def main(what, path):
    for i, (name, positions, lateness, since, window, state) in enumerate(cases(path)):
        if what == "rows":
            print(json.dumps({"op": "set", "metric": name, "window_start": text(window[0]), "window_end": text(window[1]),
                              "dims": {}, "dims_hash": NOTHING, "count": 1}))
        elif what in ("final", "open"):
            if state == what:
                print(name)
        elif positions != "plain":
            job = "j%d" % i
            for line in redis(job, name, positions, lateness, since) if what == "redis" else sql(what, job, name, positions, lateness, since):
                print(line if what == "redis" else line + ";")


main(*sys.argv[1:])
