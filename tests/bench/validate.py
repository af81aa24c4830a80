"""hta-validate: events that are valid, by a schema of ten typed, required fields, and by one that needs a tree of each."""
import json, os
from measure import figures, measure, median, target
from tools import sh

TEXT = {"type": "string", "maxLength": 64}
FIELDS = {"event_id": TEXT, "ts": {"type": "string", "format": "date-time"}, "event_type": TEXT, "user_id": TEXT, "customer": TEXT, "endpoint": TEXT,
          "status": {"type": "integer", "minimum": 100, "maximum": 599}, "latency_ms": {"type": "number", "minimum": 0}, "region": TEXT,
          "payload": {"type": "object", "required": ["price"], "properties": {"price": {"type": "number"}}}}
SCHEMA = {"type": "object", "required": list(FIELDS), "properties": FIELDS}


def validate(bench):
    """hta-validate on one thread: valid events a CPU second, by their fields and by a tree"""
    file = bench.events(bench.n // 5)
    found = {}
    for name, schema in (("fields", SCHEMA), ("tree", {**SCHEMA, "additionalProperties": False})):
        path = os.path.join(os.path.dirname(file), f"validate-{name}.json")
        with open(path, "w") as f:
            json.dump(schema, f)
        command = f"hta-validate -q --schema {path} {file}"
        sh(f"{command} | cmp - {file}")
        cpu = median([measure(command) for _ in range(bench.rounds)])["cpu"]
        found[name] = bench.n // 5 / cpu
    return figures("valid events", {f"by {name}": (v, "events a CPU second") for name, v in found.items()},
                   [target("ten typed, required fields, M events a CPU second", found["fields"] / 1e6, 1.5),
                    target("the same by a tree", found["tree"] / 1e6, 0.4)])


TASKS = {"validate": validate}
