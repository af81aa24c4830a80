"""Rules: what they cost beside count and sum alone, all in one run. No strangers: ratios and differences of our own."""
import itertools, json, os
from measure import compare, target

ONE = "--by endpoint,status"
SUM = "--agg 's=sum(latency_ms)'"
FIVE = ("--agg 's=sum(latency_ms)' --agg 'errors=count if .status >= 500' --agg 'mean=avg(latency_ms)' "
        "--agg 'most=max(latency_ms)' --agg 'paid=sum(payload.price) if .event_type == \"purchase\"'")
WHERE = (None, ".status >= 500", '.region == "eu-west-1"', '.event_type == "error"', ".latency_ms > 100", '.event_type == "page_view" and .status < 400')
MEASURES = ({"n": "count", "s": {"sum": "latency_ms"}}, {"mean": {"avg": "latency_ms"}}, {"paid": {"sum": "payload.price"}},
            {"most": {"max": "latency_ms"}, "errors": {"count": True, "where": ".status >= 500"}}, {"rate": {"rate": "payload.price"}})


def hundred(path):
    """100 rules over 8 fields: 15 sets of dimensions, 6 conditions, 5 sets of measures."""
    dims = [list(c) for n in range(4) for c in itertools.combinations(("endpoint", "status", "region", "event_type"), n)]
    rules = []
    for i in range(100):
        r = {"rule_id": f"r{i}", "window_size": "1m", "group_by": dims[i * 7 % len(dims)], "aggregates": MEASURES[i % 5]}
        where = WHERE[i % 6] if i % 3 else None
        rules.append({**r, "where": where} if where else r)
    with open(path, "w") as f:
        json.dump(rules, f)
    return path


def rules(bench):
    """what a quantile, a condition, five measures with two filters and 100 rules cost, against count and sum"""
    file = bench.events()
    r = compare("rules, one thread", {
        "count, sum": f"hta-window -q {ONE} {SUM} {file}",
        "count, p99": f"hta-window -q {ONE} --agg 'p=p99(latency_ms)' {file}",
        "a condition on a whole number": f"hta-window -q {ONE} {SUM} --where '.status >= 0' {file}",
        "a condition on a decimal": f"hta-window -q {ONE} {SUM} --where '.latency_ms >= 0' {file}",
        "five measures, two filters": f"hta-window -q {ONE} {FIVE} {file}",
        "100 rules": f"hta-window -q --rules {hundred(os.path.join(bench.folder, 'hundred.json'))} {file}",
    }, bench.rounds)
    cpu = {name: m["cpu"] for name, m in r["results"].items()}
    one = cpu["count, sum"]
    more = lambda name: (cpu[name] - one) / bench.n * 1e9
    r["targets"] = [
        target("p99 beside sum, ns an event", more("count, p99"), 25, "at most"),
        target("a condition on a whole number, ns an event", more("a condition on a whole number"), 10, "at most"),
        target("a condition on a decimal, ns an event", more("a condition on a decimal"), 10, "at most"),
        target("five measures with two filters / count and sum, CPU", cpu["five measures, two filters"] / one, 1.6, "at most"),
        target("100 rules / one, CPU", cpu["100 rules"] / one, 12, "at most"),
    ]
    return r


TASKS = {"rules": rules}
