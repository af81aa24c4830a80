"""metrics.py URL WANTED...: /metrics in both formats, read by Prometheus' own parsers, which must agree, and by promtool's lint. WANTED is NAME{label="x"}=VALUE as
Prometheus has the name; labels that are not said may be anything."""
import re
import subprocess
import sys
import urllib.request

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_plain

SCRAPE = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"


def fetch(url, accept):
    request = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.headers["Vary"] == "Accept", answer.headers
        return answer.headers["Content-Type"], answer.read().decode()


def samples(families):
    """{(name, labels): value} without what an earlier look changes, and that no family comes twice."""
    got, seen = {}, set()
    for family in families:
        assert family.name not in seen, f"{family.name} comes twice"
        seen.add(family.name)
        assert family.type in ("counter", "gauge", "histogram"), family
        for s in family.samples:
            labels = {k: str(float(v)) if k == "le" else v for k, v in s.labels.items()}
            got[s.name, tuple(sorted(labels.items()))] = s.value
    return got


def moves(name):
    return re.match("hta_(http_|query_|pipeline_|stage_|dedup_window|log_|store_up|ws_|live_)", name)


def main(url, *wanted):
    kind, text = fetch(url, None)
    assert kind == "text/plain; version=0.0.4; charset=utf-8", kind
    plain = samples(read_plain(text))
    told = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert told.returncode == 0, told
    for accept in (SCRAPE, "application/openmetrics-text"):
        kind, text = fetch(url, accept)
        assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8", kind
        assert text.endswith("\n# EOF\n"), text[-200:]
        opened = samples(read_open(text))
    for accept in ("*/*", "text/plain", "text/plain;q=0.9,application/openmetrics-text;q=0.8", "application/json"):
        kind, _ = fetch(url, accept)
        assert kind.startswith("text/plain"), (accept, kind)
    names = {name for name, _ in plain}
    assert names >= {name for name, _ in opened}, {name for name, _ in opened} - names
    for (name, labels), value in opened.items():
        if not moves(name):
            assert plain[name, labels] == value, (name, labels)
    for want in wanted:
        name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})?=(\S+)", want).groups()
        labels = {k: v for k, v in re.findall(r'(\w+)="((?:[^"])*)"', labels or "")}
        found = [v for (n, l), v in plain.items() if n == name and labels.items() <= dict(l).items()]
        assert float(value) in found, (want, [k for k in plain if k[0] == name])


main(*sys.argv[1:])
