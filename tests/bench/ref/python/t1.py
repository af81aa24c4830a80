"""Task T1 as a Python service: t1.py BROKERS TOPIC GROUP TABLE. Counts into Postgres (libpq's environment) each second, at least once.

What a good Python programmer would write: aiokafka, orjson, a dict of lists, one upsert a second by arrays, the group's offsets committed behind it. Ends at the
ends that the partitions had at the start.
"""
import asyncio, sys, time
from datetime import datetime
import asyncpg, orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

CREATE = """create table if not exists {0} (window_start timestamptz, endpoint text, status int, count bigint not null, sum float8 not null,
    primary key (window_start, endpoint, status))"""
UPSERT = """insert into {0} as t select * from unnest($1::timestamptz[], $2::text[], $3::int[], $4::bigint[], $5::float8[])
    on conflict (window_start, endpoint, status) do update set count = t.count + excluded.count, sum = t.sum + excluded.sum"""


def add(cells, records):
    loads = orjson.loads
    for r in records:
        e = loads(r.value)
        key = e["ts"][:16], e["endpoint"], e["status"]
        cell = cells.get(key)
        if cell is None:
            cells[key] = [1, e["latency_ms"]]
        else:
            cell[0] += 1
            cell[1] += e["latency_ms"]


async def store(db, upsert, consumer, cells):
    minutes = {k[0]: datetime.fromisoformat(k[0] + "+00:00") for k in cells}
    if cells:
        await db.execute(upsert, [minutes[k[0]] for k in cells], [k[1] for k in cells], [k[2] for k in cells], [c[0] for c in cells.values()],
                         [c[1] for c in cells.values()])
    await consumer.commit()
    cells.clear()


async def consume(consumer, db, topic, upsert):
    parts = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
    left = {p: end for p, end in (await consumer.end_offsets(parts)).items() if end > 0}
    cells, due = {}, time.monotonic() + 1
    while left:
        for part, records in (await consumer.getmany(timeout_ms=100)).items():
            add(cells, records)
            if records[-1].offset + 1 >= left.get(part, 0):
                left.pop(part, None)
        if time.monotonic() >= due:
            await store(db, upsert, consumer, cells)
            due = time.monotonic() + 1
    await store(db, upsert, consumer, cells)


async def main(brokers, topic, group, table):
    db = await asyncpg.connect()
    await db.execute(CREATE.format(table))
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=brokers, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest", check_crcs=False)
    await consumer.start()
    try:
        await consume(consumer, db, topic, UPSERT.format(table))
    finally:
        await consumer.stop()
        await db.close()


if len(sys.argv) != 5:
    sys.exit("usage: t1.py BROKERS TOPIC GROUP TABLE")
asyncio.run(main(*sys.argv[1:]))
