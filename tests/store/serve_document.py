"""Answers of hta-serve against its document: serve_document.py URL DOCUMENT. What differs is told, exit 1."""
import json
import sys
import urllib.error
import urllib.request

import jsonschema

url, document = sys.argv[1], json.load(open(sys.argv[2]))
span = "from=2026-01-01&to=2026-01-02"
# path of the document, how it is asked for, status
asked = [
    ("/", "/", 200), ("/docs", "/docs", 200), ("/openapi.json", "/openapi.json", 200), ("/health", "/health", 200),
    ("/limits", "/limits", 200), ("/metrics", "/metrics", 200), ("/pipelines", "/pipelines", 200),
    ("/latest", "/latest?metric=hits", 200), ("/latest", "/latest?metric=hits&numbers=string", 200), ("/latest", "/latest?metric=nosuch", 404),
    ("/latest", "/latest", 422), ("/top", "/top?metric=hits&by=p", 200), ("/history", "/history?metric=hits&" + span, 200),
    ("/stats", "/stats?rule_id=hits&start_time=2026-01-01&end_time=2026-01-02&limit=3", 200), ("/stats", "/stats?rule_id=x", 404), ("/stats", "/stats", 200),
    ("/events", "/events", 200), ("/events", "/events?limit=x", 422), ("/live-stats", "/live-stats?rules=hits", 200),
    ("/live-stats", "/live-stats?rules=hits,visits", 200), ("/live-stats", "/live-stats", 422), ("/aggregation-rules", "/aggregation-rules", 200),
    ("/aggregation-rule/{id}", "/aggregation-rule/hits", 200), ("/aggregation-rule/{id}", "/aggregation-rule/x", 404),
    ("/graphql", "/graphql?query=%7Bmetrics%7Bname%7D%7D", 200), ("/graphql", "/graphql?query=%7B", 200),
]


def answer(path):
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, headers={"Accept": "*/*"}), timeout=30) as a:
            return a.status, a.headers.get_content_type(), a.read()
    except urllib.error.HTTPError as e:
        return e.code, e.headers.get_content_type(), e.read()


def find(ref):
    at = document
    for part in ref.lstrip("#/").split("/"):
        at = at[part]
    return at


wrong = 0
for place, path, wanted in asked:
    status, kind, body = answer(path)
    told = document["paths"][place]["get"]["responses"].get(str(status))
    told = find(told["$ref"]) if told and "$ref" in told else told
    try:
        assert status == wanted, f"{status}, not {wanted}"
        assert told, f"{status} is not in the document"
        assert kind in told["content"], f"{kind} is not in the document"
        if "json" in kind:
            jsonschema.Draft202012Validator({**told["content"][kind]["schema"], "components": document["components"]}).validate(json.loads(body))
    except (AssertionError, jsonschema.ValidationError) as why:
        wrong += 1
        print(path, str(why)[:400], body[:300])
sys.exit(wrong > 0)
