"""What DuckDB makes of the files that our programs read: the hands of tests/cli/duckdb.bats.

  duckdb.py names         the queries, a name a line
  duckdb.py run NAME..    runs each of them by both sides, in the folder that has the files; a line for each that differs

A query is a command of ours that prints rows, an SQL text for DuckDB that gives the same rows in columns, and what the
columns are: `key` (text or number, exactly the same), `=` (exact), `~` (floating point, 1e-9), `q` (a quantile: within
0.6 % of the value at that rank), `u` (an estimate of uniques: 2^14 registers, four standard errors).
"""
import json
import os
import subprocess
import sys
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))

COLUMNS = """ts: 'TIMESTAMP', event_id: 'VARCHAR', event_type: 'VARCHAR', user_id: 'VARCHAR', customer: 'VARCHAR',
 endpoint: 'VARCHAR', status: 'INTEGER', latency_ms: 'DECIMAL(18,3)', region: 'VARCHAR',
 payload: 'STRUCT(product_id VARCHAR, price DECIMAL(18,2), referrer VARCHAR)'"""
TABLES = "".join(f"create table {name} as select * from read_json('{name}.ndjson', format = 'newline_delimited', columns = {{{COLUMNS}}});"
                 for name in ("hour", "days"))
ISO = "strftime({}, '%Y-%m-%dT%H:%M:%SZ')"


def minutes(n):
    return ISO.format(f"time_bucket(interval {n} minute, ts)")


def text(field):
    """As JSON says it, for a field that is text or a number."""
    return lambda row: row["dims"][field]


def measure(name):
    return lambda row: row["measures"][name]


def member(name):
    return lambda row: row.get(name)


start = member("window_start")


def micros(time):
    """A time of ours with six digits behind the point."""
    whole, _, rest = time.rstrip("Z").partition(".")
    return f"{whole}.{rest:0<6}Z"


class Query:
    def __init__(self, command, sql, *columns):
        self.command, self.sql = command, sql
        self.kinds, self.take = zip(*[(c[0], c[1]) for c in columns])

    def ours(self):
        out = subprocess.run(["bash", "-o", "pipefail", "-c", self.command], stdout=subprocess.PIPE, check=True).stdout
        return [[take(row) for take in self.take] for row in map(lambda t: json.loads(t, parse_float=Decimal), out.splitlines())]


def window(options, name="hour"):
    return f"hta-window -q --lateness 2m {options} {name}.ndjson"


def local(step, zone):
    """Steps of a zone's calendar, as UTC instants."""
    return ISO.format(f"timezone('UTC', timezone('{zone}', date_trunc('{step}', timezone('{zone}', timezone('UTC', ts)))))")


key, same, near, quantile, uniques = "key", "=", "~", "q", "u"
k_start = (key, start)


def k(field):
    return (key, text(field))


QUERIES = {
    "count by two dimensions": Query(
        window("--every 1m --by endpoint,status"),
        f"select {minutes(1)}, endpoint, status, count(*) from hour group by all",
        k_start, k("endpoint"), k("status"), (same, member("count"))),
    "classic values": Query(
        window("--every 5m --by region --value latency_ms"),
        f"select {minutes(5)}, region, count(*), count(latency_ms), sum(latency_ms), min(latency_ms), max(latency_ms) from hour group by all",
        k_start, k("region"), *[(same, member(m)) for m in ("count", "value_count", "sum", "min", "max")]),
    "where a number": Query(
        window("--every 10m --by region --where '.status >= 500'"),
        f"select {minutes(10)}, region, count(*) from hour where status >= 500 group by all",
        k_start, k("region"), (same, member("count"))),
    "where a text begins": Query(
        window("""--every 10m --by region --where '.endpoint | startswith("/api/v1/c")'"""),
        f"select {minutes(10)}, region, count(*) from hour where starts_with(endpoint, '/api/v1/c') group by all",
        k_start, k("region"), (same, member("count"))),
    "where one of a list, and not": Query(
        window("""--every 10m --by event_type --where '(.status | IN(200, 404)) and (.region == "eu-west-1" | not)'"""),
        f"select {minutes(10)}, event_type, count(*) from hour where status in (200, 404) and region <> 'eu-west-1' group by all",
        k_start, k("event_type"), (same, member("count"))),
    "where a decimal, deep": Query(
        window("--every 10m --by region --where '.payload.price < 99.95 or .latency_ms > 200.5'"),
        f"select {minutes(10)}, region, count(*) from hour where payload.price < 99.95 or latency_ms > 200.5 group by all",
        k_start, k("region"), (same, member("count"))),
    "filtered counts": Query(
        window("""--every 1m --by endpoint --agg 'errors=count if .status >= 500' --agg 'slow=count(latency_ms) if .latency_ms > 100'"""),
        f"select {minutes(1)}, endpoint, count(*), count(*) filter (status >= 500), count(latency_ms) filter (latency_ms > 100) from hour group by all",
        k_start, k("endpoint"), (same, member("count")), (same, measure("errors")), (same, measure("slow"))),
    "filtered sums": Query(
        window("""--every 5m --by region --agg 'paid=sum(payload.price) if .event_type == "purchase"' --agg 'low=min(payload.price)' --agg 'high=max(payload.price)'"""),
        f"select {minutes(5)}, region, coalesce(sum(payload.price) filter (event_type = 'purchase'), 0), min(payload.price), max(payload.price) from hour group by all",
        k_start, k("region"), (same, measure("paid")), (same, measure("low")), (same, measure("high"))),
    "averages": Query(
        window("--every 1m --by region --agg 'mean=avg(latency_ms)' --agg 'price=avg(payload.price)'"),
        f"select {minutes(1)}, region, sum(latency_ms)::double / count(latency_ms), sum(payload.price)::double / count(payload.price) from hour group by all",
        k_start, k("region"), (near, measure("mean")), (near, measure("price"))),
    "standard deviations": Query(
        window("--every 10m --by status --agg 'd=stddev(latency_ms)' --agg 'p=stddev(payload.price)'"),
        f"select {minutes(10)}, status, stddev_samp(latency_ms::double), stddev_samp(payload.price::double) from hour group by all",
        k_start, k("status"), (near, measure("d")), (near, measure("p"))),
    "rates": Query(
        window("--every 1m --by region --agg 'r=rate' --agg 'volume=rate(payload.price)'"),
        f"select {minutes(1)}, region, count(*) / 60.0, sum(payload.price)::double / 60 from hour group by all",
        k_start, k("region"), (near, measure("r")), (near, measure("volume"))),
    "median and p99": Query(
        window("--every 5m --by region --agg 'a=p50(latency_ms)' --agg 'b=p99(latency_ms)'"),
        f"select {minutes(5)}, region, quantile_disc(latency_ms, 0.5), quantile_disc(latency_ms, 0.99) from hour group by all",
        k_start, k("region"), (quantile, measure("a")), (quantile, measure("b"))),
    "many quantiles": Query(
        window("--every 1h --agg 'q=quantiles(payload.price, 0.05, 0.25, 0.75, 0.999)'"),
        f"select {minutes(60)}, quantile_disc(payload.price, 0.05), quantile_disc(payload.price, 0.25), quantile_disc(payload.price, 0.75), "
        "quantile_disc(payload.price, 0.999) from hour group by all",
        k_start, *[(quantile, measure(m)) for m in ("q_p05", "q_p25", "q_p75", "q_p999")]),
    "quantiles of few": Query(
        window("--every 10m --by endpoint,event_type --agg 'm=p90(latency_ms) if .status >= 500'"),
        f"select {minutes(10)}, endpoint, event_type, quantile_disc(latency_ms, 0.9) filter (status >= 500) from hour group by all",
        k_start, k("endpoint"), k("event_type"), (quantile, measure("m"))),
    "uniques": Query(
        window("--every 10m --by region --agg 'users=uniq(user_id)'"),
        f"select {minutes(10)}, region, count(distinct user_id) from hour group by all",
        k_start, k("region"), (uniques, measure("users"))),
    "exact uniques": Query(
        window("--every 5m --by region --agg 'u=uniq_exact(customer) if .status < 400'"),
        f"select {minutes(5)}, region, count(distinct customer) filter (status < 400) from hour group by all",
        k_start, k("region"), (same, measure("u"))),
    "histograms": Query(
        window("--every 10m --by region --agg 'h=histogram(latency_ms, 10, 50, 100.5)'"),
        f"select {minutes(10)}, region, count(*) filter (latency_ms <= 10), count(*) filter (latency_ms > 10 and latency_ms <= 50), "
        "count(*) filter (latency_ms > 50 and latency_ms <= 100.5), count(*) filter (latency_ms > 100.5) from hour group by all",
        k_start, k("region"), *[(same, lambda row, i=i: row["measures"]["h"]["counts"][i]) for i in range(4)]),
    "first and last": Query(
        window("--every 5m --by region --agg 'a=first(latency_ms)' --agg 'z=last(latency_ms)'"),
        f"select {minutes(5)}, region, first(latency_ms order by ts, latency_ms), last(latency_ms order by ts, latency_ms) from hour group by all",
        k_start, k("region"), (same, measure("a")), (same, measure("z"))),
    "the slowest endpoint": Query(
        window("--every 10m --by event_type --agg 'e=arg_max(endpoint, latency_ms)' --agg 'q=arg_min(endpoint, latency_ms)'"),
        f"select {minutes(10)}, event_type, last(endpoint order by latency_ms, ts, endpoint), first(endpoint order by latency_ms, ts, endpoint) from hour group by all",
        k_start, k("event_type"), (key, measure("e")), (key, measure("q"))),
    "hops": Query(
        window("--every 10m --slide 2m --by region --value latency_ms --agg 'd=stddev(payload.price)'"),
        f"select {ISO.format('w')}, region, count(*), sum(latency_ms), max(latency_ms), stddev_samp(payload.price::double) "
        "from (select *, unnest([time_bucket(interval 2 minute, ts) - interval (2 * i) minute for i in range(5)]) w from hour) group by all",
        k_start, k("region"), *[(same, member(m)) for m in ("count", "sum", "max")], (near, measure("d"))),
    "sessions": Query(
        "hta-window -q --lateness 1h --gap 10s --by customer --value payload.price hour.ndjson",
        "select strftime(min(ts), '%Y-%m-%dT%H:%M:%S.%fZ'), strftime(max(ts) + interval 10 second, '%Y-%m-%dT%H:%M:%S.%fZ'), customer, count(*), sum(payload.price) from ("
        "select *, count(*) filter (fresh) over (partition by customer order by ts rows unbounded preceding) n from ("
        "select *, coalesce(ts - lag(ts) over (partition by customer order by ts) >= interval 10 second, true) fresh from hour)) group by customer, n",
        (key, lambda row: micros(row["window_start"])), (key, lambda row: micros(row["window_end"])), k("customer"), (same, member("count")), (same, member("sum"))),
    "one line": Query(
        "hta-window -q --lateness 2m -e 'n=count, bad=count if .status >= 400, sum(payload.price) by region every 30m' hour.ndjson",
        f"select {minutes(30)}, region, count(*), count(*) filter (status >= 400), sum(payload.price) from hour group by all",
        k_start, k("region"), (same, member("count")), (same, measure("bad")), (same, measure("sum_payload_price"))),
    "days of Berlin": Query(
        window("--every 15m --by region --value latency_ms", "days") + " | hta-query - history events --since 2026-01-01 --step day --zone Europe/Berlin",
        f"select {local('day', 'Europe/Berlin')}, region, count(*), sum(latency_ms), max(latency_ms) from days group by all",
        k_start, k("region"), *[(same, member(m)) for m in ("count", "sum", "max")]),
    "weeks of St. John's": Query(
        window("--every 15m --agg 'q=p50(latency_ms)'", "days") + " | hta-query - history events --since 2026-01-01 --step week --zone America/St_Johns",
        f"select {local('week', 'America/St_Johns')}, count(*), quantile_disc(latency_ms, 0.5) from days group by all",
        k_start, (same, member("count")), (quantile, measure("q"))),
    "months of Chatham": Query(
        window("--every 15m --by event_type --agg 'u=uniq_exact(customer)'", "days") + " | hta-query - history events --since 2026-01-01 --step month --zone Pacific/Chatham",
        f"select {local('month', 'Pacific/Chatham')}, event_type, count(distinct customer) from days group by all",
        k_start, k("event_type"), (same, measure("u"))),
}


def number(v):
    return None if v is None else Decimal(str(v))


def within(kind, a, b):
    a, b = number(a), number(b)
    if a is None or b is None or kind == same:
        return a == b
    bound = {near: Decimal("1e-9"), quantile: Decimal("0.006"), uniques: Decimal("0.0325")}[kind]
    return abs(a - b) <= bound * max(abs(a), abs(b))


def differing(query, theirs):
    """The first difference, in words; None: there is none."""
    keys = [i for i, kind in enumerate(query.kinds) if kind == key]
    ours, want = ({tuple(str(row[i]) for i in keys): row for row in rows} for rows in (query.ours(), theirs))
    if not want or ours.keys() != want.keys():
        return f"{len(ours)} rows against {len(want)}, such as {sorted(ours.keys() ^ want.keys())[:3]}"
    for at, row in want.items():
        for i, kind in enumerate(query.kinds):
            if kind != key and not within(kind, ours[at][i], row[i]):
                return f"{at}, column {i + 1}: {ours[at][i]} against {row[i]}"
    return None


def run(names):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
    import tools
    tools.duckdb()
    statements = [s for s in TABLES.split(";") if s] + [QUERIES[n].sql for n in names]
    out = subprocess.run(["node", os.path.join(HERE, "duckdb.mjs")], input=json.dumps(statements).encode(), stdout=subprocess.PIPE, check=True).stdout
    answers = out.splitlines()[-len(names):]
    wrong = 0
    for name, answer in zip(names, answers):
        differs = differing(QUERIES[name], json.loads(answer))
        wrong += differs is not None
        print(f"{name}: {differs or 'same'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    if sys.argv[1] == "names":
        print("\n".join(QUERIES))
    else:
        sys.exit(run(sys.argv[2:] or list(QUERIES)))
