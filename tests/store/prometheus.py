"""What tests/store/prometheus.bats asks of the files of examples/prometheus and examples/grafana:

  form                    the dashboard's form
  alerts MANUAL           each alert has a severity, unit tests that fire and that do not, and a line in the manual
  config INGEST SERVE NODE FOLDER     examples/prometheus/prometheus.yml for these places, each second, the intake over TLS with a key
  ask URL                 every query of the dashboard, and the alerts without their thresholds, asked of a Prometheus: all give data
"""
import json
import math
import os
import re
import sys
import urllib.parse
import urllib.request

import yaml

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../examples")


def load(name):
    with open(os.path.join(EXAMPLES, name)) as f:
        return json.load(f) if name.endswith(".json") else yaml.safe_load(f)


def rules():
    return [r for group in load("prometheus/hta.rules.yml")["groups"] for r in group["rules"]]


# ---- the dashboard

def boxes(panels):
    for p in panels:
        g = p["gridPos"]
        yield p["title"], g["x"], g["y"], g["x"] + g["w"], g["y"] + g["h"]


def overlap(a, b):
    return a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]


def form():
    d = load("grafana/hta.json")
    panels, variables = d["panels"], {v["name"]: v for v in d["templating"]["list"]}
    assert d["schemaVersion"] == 39 and d["title"] and 0 < len(d["uid"]) <= 40 and d["id"] is None, d["uid"]
    assert variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    assert len({p["id"] for p in panels}) == len(panels) >= 25, "ids"
    assert len({p["title"] for p in panels}) == len(panels), "titles"
    assert {p["type"] for p in panels} == {"row", "stat", "timeseries"}, "a plugin"
    grid = list(boxes(panels))
    for i, a in enumerate(grid):
        assert 0 <= a[1] < a[3] <= 24 and a[2] < a[4], a
        for b in grid[i + 1:]:
            assert not overlap(a, b), (a, b)
    for p in panels:
        if p["type"] == "row":
            continue
        assert p["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, p["title"]
        assert p["fieldConfig"]["defaults"]["unit"] and p["targets"], p["title"]
        assert len({t["refId"] for t in p["targets"]}) == len(p["targets"]), p["title"]
        used = set(re.findall(r"\$(\w+)", " ".join(t["expr"] for t in p["targets"]))) - {"__rate_interval"}
        assert used <= set(variables), (p["title"], used)


# ---- the alerts

def alerts(manual):
    text, tests = open(manual).read(), load("prometheus/hta.test.yml")["tests"]
    cases = [c for t in tests for c in t["alert_rule_test"]]
    names = [r["alert"] for r in rules()]
    assert len(set(names)) == len(names) >= 15, names
    assert set(re.findall(r"\bHta[A-Z]\w+", text)) == set(names), "the manual has other alerts"
    for r in rules():
        assert r["labels"]["severity"] in ("page", "ticket"), r
        assert {"summary", "description"} <= set(r["annotations"]), r
        fired = [bool(c["exp_alerts"]) for c in cases if c["alertname"] == r["alert"]]
        assert True in fired, f"{r['alert']}: no test in which it fires"
    quiet = {c["alertname"] for c in cases if not c["exp_alerts"]}
    assert quiet >= set(names) - {"HtaLagRecords"}, set(names) - quiet


# ---- a real Prometheus

def config(ingest, serve, node, folder):
    c = load("prometheus/prometheus.yml")
    c["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    c["rule_files"] = [os.path.join(EXAMPLES, "prometheus/hta.rules.yml")]
    for scrape, place in zip(c["scrape_configs"], (ingest, serve, node)):
        scrape["static_configs"] = [{"targets": [place]}]
    assert [s["job_name"] for s in c["scrape_configs"]] == ["hta-ingest", "hta-serve", "node"]
    c["scrape_configs"][0].update(scheme="https", tls_config={"ca_file": os.path.join(folder, "live.pem")},
                                  authorization={"credentials_file": os.path.join(folder, "hta.key")})
    print(yaml.safe_dump(c))


def query(url, expr):
    """The values of an instant query."""
    with urllib.request.urlopen(url + "/api/v1/query?" + urllib.parse.urlencode({"query": expr}), timeout=20) as answer:
        got = json.load(answer)
    assert got["status"] == "success", (expr, got)
    return [float(r["value"][1]) for r in got["data"]["result"]]


def without_threshold(expr):
    """Every comparison gives 0 or 1 for each series instead of leaving some out; of A unless B: A."""
    expr = re.split(r"\s+unless\s+max by", expr)[0]
    expr = re.sub(r"\s+unless\s+\w+ offset \w+", "", expr)
    return re.sub(r"(==|<|>)(?= [0-9])", r"\1 bool", expr)


def queries():
    for p in load("grafana/hta.json")["panels"]:
        for t in p.get("targets", []):
            expr = t["expr"].replace("$__rate_interval", "10s").replace("$job", ".*").replace("$instance", ".*")
            assert "$" not in expr, expr
            yield p["title"], expr
    for r in rules():
        yield r["alert"], without_threshold(r["expr"])


def ask(url):
    asked, bad = 0, []
    for name, expr in queries():
        values = query(url, expr)
        asked += 1
        # 0/0 is a share of nothing: of a stage that reads no records, not of all of them
        if not values or all(map(math.isnan, values)):
            bad.append(f"{name}: no data: {expr}")
    with urllib.request.urlopen(url + "/api/v1/rules", timeout=20) as answer:
        got = [r for g in json.load(answer)["data"]["groups"] for r in g["rules"]]
    bad += [f"{r['name']}: {r.get('lastError')}" for r in got if r["health"] != "ok"]
    assert len(got) == len(rules()), len(got)
    print("\n".join(bad) or f"{asked} queries")
    sys.exit(bool(bad))


{"form": form, "alerts": alerts, "config": config, "ask": ask}[sys.argv[1]](*sys.argv[2:])
