"""A step of the load: what the client measures, and how long it takes until a store shows what was acknowledged.

The lag of an event is the time from its answer to the first look (each 20 ms) at which the store has as many events as had been
answered until then; the client notes these at most 2 ms apart."""
import bisect, collections, json, os, subprocess
from measure import die

Step = collections.namedtuple("Step", "name rate seconds connections events requests", defaults=(None,))
MORE_S = 120


def post(pipeline, step, name, curve):
    command = ["post", str(pipeline.port), str(step.rate), str(step.seconds), str(step.connections), str(step.events), name, curve]
    p = subprocess.run(command + ([str(step.requests)] if step.requests else []), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       timeout=step.seconds + MORE_S, check=False)
    if p.returncode:
        die(f"post failed: {p.stderr} {pipeline.errors()}")
    return {**json.loads(p.stdout), "told": p.stderr.strip()}


def lags(curve, samples, base):
    """[(seconds, events)] by seconds."""
    times, counts = zip(*samples)
    out, before = [], 0
    for us, good in curve:
        i = bisect.bisect_left(counts, base + good)
        if good > before and i < len(counts):
            out.append((max(0, times[i] - us) / 1e6, good - before))
        before = good
    return sorted(out)


def quantile(weighted, q):
    left = q * sum(n for _, n in weighted)
    for value, n in weighted:
        left -= n
        if left <= 0:
            return value
    return None


def measure(pipeline, books, step, name):
    """One row of the table; the pipeline has caught up before and behind."""
    path, base = os.path.join(pipeline.folder, "curve"), books.figures["good"]
    got = post(pipeline, step, name, path)
    books.add(got)
    pipeline.wait_for(books.figures["good"])
    with open(path) as f:
        curve = [tuple(map(int, line.split())) for line in f]
    lag = {}
    for store, samples in pipeline.samples.items():
        weighted = lags(curve, list(samples), base)
        lag[store] = {f"p{int(q * 100)}_s": quantile(weighted, q) for q in (0.5, 0.95, 0.99)}
    return {"step": step.name, "asked": step.rate, "reached": got["acknowledged"] / got["seconds"] if got["seconds"] else 0, **got, "lag": lag}


def number(x):
    return "-" if x is None else f"{x:,.0f}" if x >= 1000 else f"{x:.3g}"


def show(row, stores, head):
    if head:
        print(f"{'step':<34} {'events/s':>10} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}" + "".join(f" {s + ' lag p50':>15} {'p95':>6} {'p99 s':>6}" for s in stores))
    print(f"{row['step']:<34} {row['reached']:>10,.0f} {number(row['p50_ms']):>8} {number(row['p95_ms']):>8} {number(row['p99_ms']):>8}" +
          "".join(f" {number(l['p50_s']):>15} {number(l['p95_s']):>6} {number(l['p99_s']):>6}" for l in (row["lag"][s] for s in stores)), flush=True)
