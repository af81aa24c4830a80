"""A table that keeps two days (--retention): event time runs through months, late events come for days that are gone, and stages, the server and
connections die. Its rows are the recount of its positions from the mark on; the mark never goes back, and what lies before it goes."""
import json
import subprocess
import time

from oracle import Mismatch
from oracle.pg import ROWS, rows_of
from pipes import SESSION_MS
from scenes_kafka_sink import under_faults
from stores import Pg
from tap import Failure, wait_until
from world import World

SINK, DAY = 2, 86400
START = 1767225600              # 2026-01-01
KEEP = 2 * DAY
CRASHES = [(SINK, p) for p in ("barrier-before", "barrier-after", "sink-inside", "sink-sent")] + [(0, "source-revoked"), (1, "barrier-after")]


# Half a row may go before anybody has looked: each write before the mark is noted.
NOTE = """create table behind (window_start timestamptz);
    create function note_behind() returns trigger language plpgsql as $$ begin
        if new.window_start < (select purged_before from hta_retention) then insert into behind values (new.window_start); end if;
        return new; end $$;
    create trigger note_behind before insert or update on hta_rollups for each row execute function note_behind()"""


class Keeping(Pg):
    """Rows before the mark are not compared: they are gone, or going, and none of them is written."""
    highest = None              # the mark, as it was seen last

    def make(self):
        subprocess.run(self.argv(), check=True, stdin=subprocess.DEVNULL)
        self.sql(NOTE)

    def argv(self, init=True):
        program, *rest = super().argv(init)
        return [program, "-v"] + (["--retention", f"{KEEP}s"] if init else []) + rest

    def mark(self):
        if self.sql("select to_regclass('hta_retention') is null").strip() == "t":
            return None
        text = self.sql("select extract(epoch from purged_before)::bigint from hta_retention").strip()
        return int(text) if text else None

    def snapshot(self):
        """The mark and the rows are of one statement; whatever else there is is older or newer than the positions of the first look."""
        end = time.monotonic() + 60
        while time.monotonic() < end:      # where looks are slower than epochs, they agree when no more comes
            snap = super().snapshot()
            if snap.gen is None:
                return snap
            text = self.sql(f"""select json_build_object('mark', (select extract(epoch from purged_before)::bigint from hta_retention),
                'pos', (select json_agg(array[partition, init, next]) from hta_pos where job = '{self.job}'), 'rows', {ROWS % 'hta_rollups'})""", check=False)
            if text is None:
                continue
            t = json.loads(text)
            if {int(p): (int(a), int(b)) for p, a, b in t["pos"] or []} == snap.pos:
                snap.kept_from = t["mark"]
                snap.rows = {k: r for k, r in rows_of(t["rows"]).items() if t["mark"] is None or k.start >= t["mark"]}
                self.rises(t["mark"], snap)
                return snap
        raise Failure("positions move too fast to be compared with rows")

    def rises(self, mark, snap):
        behind = self.sql("select count(*) from behind").strip()
        if behind != "0":
            raise Mismatch(f"{behind} rows were written before the mark")
        if self.highest is not None and (mark is None or mark < self.highest):
            raise Mismatch(f"the mark was {self.highest} and is {mark}")
        self.highest = mark
        highest = max(snap.marks.values(), default=None)
        if mark is not None and (mark % DAY or mark > highest - KEEP - 60):
            raise Mismatch(f"the mark is {mark}, the highest watermark {highest}")


class Days(World):
    """Fills go on in event time by some hours each; some of their events are for days long gone."""
    day = 0.0

    def late(self, at):
        return START + int(self.random.uniform(0, max(at - START, 1)))

    def events(self, count, at, step):
        return subprocess.run(["hta-gen", "--count", str(count), "--step", f"{step}s", "--start", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
                               "--seed", str(self.random.randrange(1 << 40))], check=True, stdout=subprocess.PIPE).stdout

    def fill(self, count, *more):
        at = START + int(self.day * DAY)
        hours = self.random.uniform(1, 30)
        self.produce(self.events(count, at, max(1, int(hours * 3600 / count))), *more)
        if self.random.random() < 0.6:
            self.produce(self.events(max(1, count // 8), self.late(at), 60), *more)
        self.day += hours / 24

    def check(self, *args, **kw):
        """What is compared is the recount from the mark on."""
        recount = self.log.recount

        def kept(ranges):
            rows, dead, marks = recount(ranges)
            mark = self.stores["pg"].highest
            return {k: r for k, r in rows.items() if mark is None or k.start >= mark}, dead, marks
        self.log.recount = kept
        try:
            return super().check(*args, **kw)
        finally:
            self.log.recount = recount


def world(bench, trace):
    w = Days(bench, trace, ())
    w.stores["pg"] = Keeping(w.servers, w.name, w.name)
    w.stores["pg"].make()
    w.job.window, w.job.source = [], ["-X", f"session.timeout.ms={SESSION_MS}", "--epoch", "50ms", "--epoch-records", "300"]
    return w


def kill_stage(w, p):
    i = w.random.randrange(4)
    if not p.signal(9, i):
        return None
    return f"{p.name}: {p.stages[i][0]} killed", "stages killed"


def kill_server(w, _):
    w.servers.restart("pg", "KILL")
    return "the server killed and started", "servers killed"


def cut(w, _):
    pattern, when = w.random.choice([b"hta_retain", b"COMMIT", b"hta_purge", b"hta_days"]), w.random.choice(["before", "inside", "after"])
    w.servers.proxy("pg").cut_on(pattern, when)
    return f"cut {when} {pattern.decode()}", "cuts"


def hold(w, _):
    """A reader has the whole table for a while: no day is made or goes meanwhile."""
    w.stores["pg"].sql("begin; select count(*) from hta_rollups; select pg_sleep(%.2f); commit" % w.random.uniform(0.1, 1.5), check=False)
    return "a reader held the table", "readers"


def sleep_sink(w, p):
    if not p.signal(19, SINK):
        return None
    w.fill(w.random.randint(50, 300))
    time.sleep(w.random.uniform(0.1, 1))
    p.signal(18, SINK)
    return f"{p.name}: its sink slept", "sinks stopped and woken up"


def old_days_go(w):
    s = w.stores["pg"]
    left = lambda: s.sql("select count(*) from hta_rollups where window_start < (select purged_before from hta_retention)").strip()     # noqa: E731

    def gone():
        """A lock that was not to be had is asked for again ten seconds later, behind an epoch."""
        if left() == "0":
            return True
        w.fill(20)
        time.sleep(1)
        return False
    wait_until(60, "no row before the mark", gone)
    if s.mark() is None or s.mark() < START + 5 * DAY:
        raise Failure(f"the mark has hardly moved: {s.mark()}")
    w.trace.count("days gone", (s.mark() - START) // DAY)


def storm(trace, bench):
    w = world(bench, trace)
    kinds = [kill_stage] * 4 + [cut] * 4 + [kill_server, hold, sleep_sink]
    under_faults(w, trace, 200 if bench.long else 25, CRASHES, kinds, w.fill, proxy=w.servers.proxy("pg"))
    w.wait_caught_up(180)
    for _ in range(12):
        w.fill(100)             # the next epochs take away what a lock has left
        time.sleep(1)
    old_days_go(w)
    w.finish(120)


TESTS = [("retention: random faults, its rows are the recount from the mark on", storm, False)]
