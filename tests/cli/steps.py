"""Steps of time against python's zoneinfo: the hands of tests/cli/query.bats.

  steps.py zones          names of zones to try, a line each
  steps.py zone NAME      writes the file in: events around every midnight of that zone in twenty
                          years, and at random; and STEP.want: what "hta-query history --step STEP
                          --zone NAME" has to make of their windows of 15 minutes, "start end
                          count" a line
"""
import bisect
import collections
import datetime
import random
import sys
import zoneinfo

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
QUARTER = datetime.timedelta(minutes=15)
FIRST, LAST = datetime.date(2006, 1, 1), datetime.date(2026, 12, 31)

# North and south, no daylight saving, quarters and half hours, clocks set at midnight and over it,
# a day that never was.
ZONES = """Africa/Cairo America/Havana America/New_York America/Sao_Paulo America/St_Johns
Asia/Kathmandu Australia/Lord_Howe Europe/Berlin Pacific/Apia Pacific/Chatham""".split()


def midnight(day, zone):
    return datetime.datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def days():
    return [FIRST + DAY * n for n in range((LAST - FIRST).days + 1)]


def events(name):
    zone, rng = zoneinfo.ZoneInfo(name), random.Random(name)
    times = set()
    for day in days():
        at = midnight(day, zone)
        times |= {at, at - QUARTER, at + QUARTER * rng.randrange(100)}
    return sorted(times)


def begins(step, day):
    return {"day": True, "week": day.weekday() == 0, "month": day.day == 1}[step]


def want(zone, step, times):
    every = sorted({midnight(d, zone) for d in (FIRST + DAY * n for n in range(-70, 7800)) if begins(step, d)})
    steps = collections.Counter(bisect.bisect(every, t) for t in times)
    for at, count in sorted(steps.items()):
        yield every[at - 1], every[at], count


def write(name):
    zone, times = zoneinfo.ZoneInfo(name), events(name)
    with open("in", "w") as out:
        for t in times:
            print('{"ts":"%s"}' % t.strftime("%FT%TZ"), file=out)
    for step in "day", "week", "month":
        with open(step + ".want", "w") as out:
            for start, end, count in want(zone, step, times):
                print(start.strftime("%FT%TZ"), end.strftime("%FT%TZ"), count, file=out)


if sys.argv[1] == "zones":
    print(*ZONES, sep="\n")
else:
    write(sys.argv[2])
