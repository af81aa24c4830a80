"""Events added up, by the manual of hta-window and by nothing of its code."""
import decimal
from decimal import Decimal
from functools import lru_cache

from .rows import Key, Row
from .sketch import registers_of
from .values import dims_text, loads, number_text, us_of

MOST = Decimal(10) ** 20
NINE = Decimal("1e-9")
SECOND = 1000000
END = us_of("2200-01-01T00:00:00Z")


def at(record, path):
    """The value there; KeyError: none."""
    for step in path.split("."):
        if not isinstance(record, dict):
            raise KeyError(path)
        record = record[step]
    return record


def maybe_at(record, path):
    try:
        return at(record, path) if path else None
    except KeyError:
        return None


@lru_cache(maxsize=1 << 16)
def text_of(dims):
    """dims_text() of (name, type, value) each: the type, because True and 1 are equal."""
    return dims_text({name: v for name, _, v in dims})


def storable(value):
    """Whether it is a scalar, without half of a surrogate pair."""
    return not isinstance(value, (dict, list)) and not (isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value))


class Metric:
    """What hta-window is told of one metric."""

    def __init__(self, every_s=60, by=(), value=None, uniq=None, name="events", slide_s=None):
        self.name, self.every_s, self.by, self.value, self.uniq = name, every_s, tuple(by), value, uniq
        self.slide_s = slide_s or every_s

    def windows(self, us):
        """Where the windows that an event is in start, in seconds."""
        last = us // (self.slide_s * SECOND) * self.slide_s
        return range(last, last - self.every_s, -self.slide_s)

    @staticmethod
    def timed(raw):
        """(record, us) of a record's bytes or text, or None where it is no JSON or has no time: it is bad for all metrics."""
        try:
            e = loads(raw if isinstance(raw, str) else raw.decode("utf-8"))
            us = us_of(e["ts"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        return (e, us) if 0 <= us < END else None

    def take(self, raw):
        """(Key, value, user, us) of a record's bytes or text, or None where it is bad for this metric."""
        timed = self.timed(raw)
        if timed is None:
            return None
        e, us = timed
        v = maybe_at(e, self.value)
        if v is not None:
            if not isinstance(v, Decimal) or abs(v) > MOST:
                return None
            v = v.quantize(NINE, decimal.ROUND_HALF_EVEN)
        dims = []
        for path in self.by:
            try:
                dim = at(e, path)
            except KeyError:
                continue
            if not storable(dim) or dim is not None and "\0" in str(dim):
                return None
            dims.append((path, type(dim), dim))
        user = maybe_at(e, self.uniq)
        if not storable(user):
            return None
        if isinstance(user, Decimal):
            user = number_text(user)
        start = us // (self.every_s * SECOND) * self.every_s
        return Key(self.name, start, text_of(tuple(dims))), v, user, us


class Sum:
    """A row that is being added up."""
    __slots__ = ("valued", "counted", "count", "values", "sum", "min", "max", "users")

    def __init__(self, metric):
        self.valued, self.counted = bool(metric.value), bool(metric.uniq)
        self.count = self.values = 0
        self.sum = Decimal(0)
        self.min = self.max = None
        self.users = set()

    def add(self, v, user):
        self.count += 1
        if v is not None:
            self.values += 1
            self.sum += v
            self.min = v if self.min is None or v < self.min else self.min
            self.max = v if self.max is None or v > self.max else self.max
        if user is not None:
            self.users.add(user)

    def row(self):
        measures = [number_text(v) for v in (self.sum, self.min, self.max)] if self.values else [None] * 3
        return Row(self.count, self.values if self.valued else None, *measures,
                   uniq=len(self.users) if self.counted else None)

    def registers(self):
        return registers_of(self.users)


def recount(metrics, lines, dirty=False):
    """{Key: Row} of lines; dirty: each metric leaves out those that are bad for it, else all have to be good."""
    sums = {}
    for i, line in enumerate(lines):
        for metric in metrics:
            taken = metric.take(line)
            if taken is None and dirty:
                continue
            if taken is None:
                raise ValueError(f"line {i + 1} is a dead letter")
            key, v, user, us = taken
            for start in metric.windows(us):
                key = key._replace(start=start)
                if key not in sums:
                    sums[key] = Sum(metric)
                sums[key].add(v, user)
    return {key: s.row() for key, s in sums.items()}
