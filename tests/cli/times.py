"""Event times against python's own: the hands of tests/cli/window.bats.

  times.py zones                   names of zones to try, a line each
  times.py zone NAME FOLDER        FOLDER/in: events with local times of that zone around every
                                   change from 1970 to 2199, and at random; FOLDER/want: what
                                   "hta-window --zone NAME --every 1ms --by id" makes of them,
                                   "id start" a line; printed: how many came twice, how many
                                   never were
  times.py pattern SEED I FOLDER   the same for times written by the I-th pattern, which is printed
"""
import datetime
import functools
import json
import random
import sys
import zoneinfo

UTC = datetime.timezone.utc
FIRST = datetime.datetime(1970, 1, 3)
LAST = datetime.datetime(2199, 12, 29)
SECOND = datetime.timedelta(seconds=1)
MS = datetime.timedelta(milliseconds=1)
DAY = datetime.timedelta(days=1)

# Every kind of rule: none, north, south, half hours, negative saving, changes at midnight or before
# it, four a year, days that never were, seconds in the offset after 1970.
ZONES = """Africa/Cairo Africa/Casablanca Africa/Monrovia America/Caracas America/Havana
America/New_York America/Nuuk America/Santiago America/Sao_Paulo America/St_Johns Antarctica/Troll
Asia/Gaza Asia/Jerusalem Asia/Kathmandu Asia/Tehran Asia/Tokyo Australia/Lord_Howe Australia/Sydney
Etc/GMT+5 Europe/Berlin Europe/Dublin Europe/Lisbon Europe/Moscow Pacific/Apia
Pacific/Chatham""".split()


def changes(zone):
    """The instants at which the offset changes."""
    def east(t):
        return t.replace(tzinfo=UTC).astimezone(zone).utcoffset()
    t = FIRST
    while t < LAST:
        if east(t) != east(t + DAY):
            low, high = t, t + DAY
            while high - low > SECOND:
                middle = low + (high - low) // 2
                middle = middle.replace(microsecond=0)
                low, high = (middle, high) if east(middle) == east(low) else (low, middle)
            yield high, east(low), east(high)
        t += DAY


@functools.lru_cache(None)
def locals_of(name):
    """Local times around each change, and others."""
    return list(make_locals(name))


def make_locals(name):
    zone, rng = zoneinfo.ZoneInfo(name), random.Random(name)
    for at, before, after in changes(zone):
        for edge in sorted({at + before, at + after}):
            for off in -SECOND, SECOND * 0, SECOND, SECOND * rng.randrange(-7200, 7200):
                yield edge + off
    for _ in range(500):
        yield FIRST + MS * rng.randrange((LAST - FIRST) // MS)


def write(folder, events):
    """(text, instant) each."""
    with open(folder + "/in", "w") as into, open(folder + "/want", "w") as want:
        for i, (text, at) in enumerate(events):
            into.write(json.dumps({"ts": text, "id": i}) + "\n")
            at = at.astimezone(UTC)
            ms = ".%03d" % (at.microsecond // 1000) if at.microsecond >= 1000 else ""
            want.write("%d %s%sZ\n" % (i, at.strftime("%Y-%m-%dT%H:%M:%S"), ms))


def unclear(name):
    """How many of the times came twice, and how many were skipped."""
    zone, n = zoneinfo.ZoneInfo(name), [0, 0]
    for t in locals_of(name):
        first, second = (t.replace(tzinfo=zone, fold=f).astimezone(UTC) for f in (0, 1))
        n[0] += first < second
        n[1] += first > second
    return n


def zone_events(name):
    zone, rng = zoneinfo.ZoneInfo(name), random.Random(name)
    for t in locals_of(name):
        text = t.isoformat(rng.choice(["T", " "]), "milliseconds" if t.microsecond else "seconds")
        if t.second == 0 and not t.microsecond and rng.random() < 0.5:
            text = text[:16]
        yield text.replace(".", rng.choice(".,")), t.replace(tzinfo=zone)


@functools.lru_cache(None)
def pattern(seed, i):
    """Directives in any order that fix a time, with something that is no digit between them."""
    rng = random.Random("%s %s" % (seed, i))
    day = rng.choice([["%d", "%m"], ["%d", "%b"], ["%d", "%B"], ["%j"], ["%e", "%b"]])
    time = rng.choice([["%H", "%M", "%S"], ["%I", "%p", "%M", "%S"], ["%T"], ["%R"],
                       ["%H", "%M", "%S", "%f"]])
    parts = [rng.choice(["%Y", "%Y", "%y"])] + day + time
    if rng.random() < 0.3:
        parts = ["%F"] + time
    if rng.random() < 0.1:
        parts = ["%D"] + time
    if rng.random() < 0.3:
        parts.append(rng.choice(["%a", "%A"]))
    if rng.random() < 0.6:
        parts.append("%z")
    rng.shuffle(parts)
    between = [" ", ", ", "/", ";", " | ", "_", "at ", "%%"]
    return "".join(p + rng.choice(between) for p in parts).rstrip() + "."


def times_of(seed, i):
    rng = random.Random("%s %s %s" % (seed, i, "times"))
    at = None
    for _ in range(200):
        if not at or rng.random() < 0.3:   # else near the one before, as in a log
            at = datetime.datetime(1971, 1, 1) + SECOND * rng.randrange(98 * 365 * 86400)
        at += datetime.timedelta(microseconds=rng.randrange(20000000))
        minutes = rng.randrange(-720, 841) if "%z" in pattern(seed, i) else 0
        yield at.replace(tzinfo=datetime.timezone(SECOND * 60 * minutes))


def pattern_events(seed, i):
    p = pattern(seed, i)
    for at in times_of(seed, i):
        us, second = at.microsecond if "%f" in p else 0, 0 if "%R" in p else at.second
        yield at.strftime(p), at.replace(microsecond=us, second=second)


def main(args):
    if args[0] == "zones":
        print("\n".join(ZONES))
    elif args[0] == "zone":
        write(args[2], zone_events(args[1]))
        print("%d %d" % tuple(unclear(args[1])))
    else:
        print(pattern(args[1], args[2]))
        write(args[3], pattern_events(args[1], args[2]))


main(sys.argv[1:])
