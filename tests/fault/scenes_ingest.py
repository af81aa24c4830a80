"""An intake as the head of a pipeline with two stores: one of its processes is killed over and over, under load by clients that send again what was not
answered. What each store has is what was acknowledged, once, and nothing that nobody sent (tests/cli/ingest_kill.py, which a suite runs for less long)."""
import os
import random
import sqlite3
import subprocess
import sys

from stores import Pg
from tap import Failure

KILL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "cli", "ingest_kill.py")


def ids_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read().split()


def run(trace, bench, folder, pg, kills, seed):
    sinks = [pg.argv()[0] + " --init --events --time timestamp '" + pg.argv()[-1] + "'", "hta-sink-sqlite --init --events --time timestamp lite.db"]
    trace.fault(f"{kills} kills, seed {seed}", "kill -9 of an intake or a stage below it")
    p = subprocess.run([sys.executable, KILL, "log", str(kills), str(seed), " | ".join(sinks + ["hta-commit"])], cwd=folder, stderr=subprocess.PIPE,
                       env={**os.environ, "HTA_RUN": folder}, timeout=60 + 30 * kills, check=False)
    wrong = ids_of(os.path.join(folder, "wrong")) if p.returncode == 0 else ["no end"]
    if p.returncode or wrong:
        raise Failure(f"{p.returncode} {wrong[:20]} {p.stderr.decode(errors='replace')[-2000:]}")


def stored_is_acknowledged(trace, bench):
    name = f"{bench.mark}intake"
    folder = os.path.join(bench.folder, name)
    os.mkdir(folder, 0o700)
    pg = Pg(bench.servers, name, name, proxied=False)
    seed = random.Random(f"{bench.seed} {trace.name}").randrange(1 << 30)
    run(trace, bench, folder, pg, 300 if bench.long else 20, seed)
    db = sqlite3.connect(os.path.join(folder, "lite.db"))
    stores = {"sqlite": [i for i, in db.execute("select event_id from hta_events")],
              "postgres": pg.sql("select event_id from hta_events").split()}
    db.close()
    acked, sent = (set(ids_of(os.path.join(folder, n))) for n in ("acked", "sent"))
    for store, ids in stores.items():
        trace.count("events compared", len(ids))
        if len(ids) != len(set(ids)):
            raise Failure(f"{store} has {len(ids) - len(set(ids))} events twice")
        if acked - set(ids) or set(ids) - sent:
            raise Failure(f"{store} lacks {len(acked - set(ids))} of {len(acked)} acknowledged events, and has {len(set(ids) - sent)} that nobody sent")
    if set(stores["sqlite"]) != set(stores["postgres"]):
        raise Failure("the stores differ")
    pg.drop()


TESTS = [("an intake and its stages, killed under load: what is stored is what was acknowledged", stored_is_acknowledged, True)]
