"""Season: events of six weeks (`events`), and a recount of their rows without hta-trend (`recount WEEKS` < rows): each window
against the median of all windows of its series in the same hour of the week, in the weeks before."""
import datetime
import json
import random
import statistics
import sys

START = datetime.datetime(2026, 1, 1, 5, 30)
HALF, WEEK = datetime.timedelta(minutes=30), datetime.timedelta(weeks=1)
SLOTS = 6 * 7 * 48


def events():
    draw = random.Random(14)
    for slot in range(SLOTS):
        at = START + slot * HALF
        for series, first in (("a", 0), ("b", 500)):
            # busy on Thursdays at nine, now and then odd; nothing at night
            usual = 0 if at.hour < 4 else 9 if at.weekday() == 3 and at.hour == 9 else 3
            count = usual + draw.choice((0, 0, 0, 1)) if usual else int(draw.random() < 0.02)
            if draw.random() < 0.02:
                count *= draw.choice((0, 3, 8))
            for n in range(count if slot >= first else 0):
                print(json.dumps({"ts": (at + datetime.timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ"), "endpoint": series}))


def severity(factor):
    return "HIGH" if factor is None or factor >= 6 else "LOW" if factor < 3 else "MEDIUM"


def number(x):
    return str(int(x)) if x == int(x) else str(x)


def recount(weeks):
    count = {}
    for line in sys.stdin:
        row = json.loads(line)
        at = datetime.datetime.strptime(row["window_start"], "%Y-%m-%dT%H:%M:%SZ")
        count.setdefault(row["dims"]["endpoint"], {})[at] = row["count"]
    newest = max(at for rows in count.values() for at in rows)
    said = []
    for series, rows in count.items():
        first, at, n = min(rows), min(rows), 0
        while at < newest or at in rows:
            hour = at.replace(minute=0)
            before = [w for k in range(1, weeks + 1) for w in (hour - k * WEEK, hour - k * WEEK + HALF) if w >= first]
            x = rows.get(at, 0)
            if before and n >= 5:
                base = statistics.median(rows.get(w, 0) for w in before)
                if x > 2 * base:
                    said.append((at, "spike", series, x, base, severity(x / base if base else None)))
                elif x < base / 2:
                    said.append((at, "drop", series, x, base, severity(base / x if x else None)))
            at, n = at + HALF, n + 1
    lines = [f"{at:%Y-%m-%dT%H:%M:%SZ} {kind} {series} {x} {number(base)} {level}" for at, kind, series, x, base, level in said]
    print("\n".join(sorted(lines)))


if sys.argv[1] == "events":
    events()
else:
    recount(int(sys.argv[2]))
