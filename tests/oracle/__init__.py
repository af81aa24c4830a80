"""What the stores must hold, told without the programs: the oracle of all tests.

It shares no code with lib/ and was written from the manual (hta(7), hta-protocol(7)) and the stores' own documents.

    recount.py              a log of events, added up by Decimal
    sketch.py               HyperLogLog: registers from texts, and out of each store's bytes
    pg.py redis.py sqlite.py clickhouse.py    what a store holds: rows, and for a job its positions, watermarks and dead letters
    rows.py, values.py      the form to which all are brought
    __main__.py             the command line of it, for bats

A store is a module with a class that has rows(), positions(job, sink) and snapshot(job, sink)."""


class Failure(Exception):
    """A question that got no answer, or a test's own words."""


class Mismatch(Failure):
    """A store that is not what it has to be."""
