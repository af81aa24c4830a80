"""What the documents of hta-ingest and hta-serve cannot say in JSON Schema, for schemathesis: requests that are good are made so
that these hold, too. Each of them has a test of its own elsewhere."""
import datetime
import itertools
import math

import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode

DAY = datetime.datetime(1970, 1, 2)
NUMBERS = itertools.count()
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda m: datetime.timezone(datetime.timedelta(minutes=m)))

# A time is in the years 1970 to 2199, and not further ahead of the clock than --max-ahead.
schemathesis.openapi.format("date-time", st.datetimes(DAY, datetime.datetime(2026, 1, 1), timezones=ZONES).map(lambda t: t.isoformat()))
schemathesis.openapi.format("date", st.dates(DAY.date(), datetime.date(2026, 1, 1)).map(str))


def is_good(case):
    return case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE


def texts(value):
    """All strings in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from (k, *texts(v))
    elif isinstance(value, list):
        for v in value:
            yield from texts(v)


def prices(value):
    """Nine places at most: a total has to be exact in them."""
    if isinstance(value, float):
        return round(value, 2) if math.isfinite(value) else 0
    if isinstance(value, dict):
        return {k: prices(v) for k, v in value.items()}
    return [prices(v) for v in value] if isinstance(value, list) else value


@schemathesis.hook
def filter_case(ctx, case):
    """Lengths are of bytes, where the document counts characters; a path and its query have no NUL; a parameter that is empty is none."""
    if "" in (case.query or {}).values():
        return False
    if not is_good(case):
        return True
    if any("\0" in t or len(t.encode()) > 1024 >= len(t) for t in texts([case.query, case.path_parameters])):
        return False
    if case.operation.path.startswith("/api/") and isinstance(case.body, dict) and any("\0" in v for v in case.body.values() if isinstance(v, str)):
        return False                                # an order's id is that of an event
    return not any(len(t.encode()) > 256 >= len(t) for t in texts(case.body))


@schemathesis.hook
def map_case(ctx, case):
    if not is_good(case):
        return case
    path, query = case.operation.path, case.query
    if query and path in ("/latest", "/top", "/history", "/stats", "/events"):
        query.pop("cursor", None)                   # one that was given
        for begin, end in (("from", "to"), ("start_time", "end_time")):
            if begin in query:
                query.pop(end, None)                # not before it
        if "by" in query:
            query["by"] = "count"                   # the name of a measure
        if path == "/stats" and set(query) - {"times"}:
            query["rule_id"] = query.get("rule_id") or "hits"   # the others go with it
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] += f"-{next(NUMBERS)}"  # of no other body
    if path == "/api/v1/orders":
        case.body = prices(case.body)
    if path == "/aggregation-rule" and isinstance(case.body, dict):
        # paths, conditions, operations, what goes together in a rule and in a run
        kept = {k: v for k, v in case.body.items() if k in ("rule_id", "version", "active")}
        case.body = {**kept, "metric": "count", "window_size": "10m", "group_by": ["event_type"]}
    return case
