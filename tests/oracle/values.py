"""Numbers, times and dimensions, each with one text."""
import decimal
import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache

decimal.getcontext().prec = 80
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
US = timedelta(microseconds=1)


DECODER = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal)


def loads(text):
    """JSON whose numbers are Decimals."""
    return DECODER.decode(text)


def number_text(d):
    """A Decimal without exponent and needless zeros: 12, -0.5."""
    text = format(d, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def us_of(text):
    """Microseconds since 1970 of an RFC 3339 time; ValueError: it is none."""
    return (datetime.fromisoformat(text.replace("Z", "+00:00")) - EPOCH) // US


def time_text(seconds):
    return (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def dims_text(dims):
    """{"endpoint":"/a","status":200}: names in order, numbers in their one text."""
    def one(v):
        return number_text(v) if isinstance(v, Decimal) else json.dumps(v, ensure_ascii=False)
    return "{%s}" % ",".join(f"{json.dumps(k, ensure_ascii=False)}:{one(dims[k])}" for k in sorted(dims))


@lru_cache(maxsize=1 << 16)
def dims_of_stored(text):
    """The same of a stored text."""
    return dims_text(loads(text))


@lru_cache(maxsize=1 << 12)
def seconds_of_stored(text):
    return us_of(text) // 1000000
