#!/usr/bin/env python3
"""Log buckets against decimals of 140 digits: sketches.py bounds | middles | quantiles SEED

bounds      the nearest values on both sides of every bound, of both signs
middles     every bucket's middle, to six digits
quantiles   of random values of many kinds: the stored form, decoded here, has their buckets and counts; each quantile is the middle of the bucket
            of the value at its rank, and within 0.6 % of that value
Asks hta-sketch (tests/mock), shares nothing with it. Prints what differs; exit 1 then.
"""
import random
import subprocess
import sys
from bisect import bisect_left
from collections import Counter
from decimal import ROUND_HALF_EVEN, Context, Decimal, getcontext
from functools import lru_cache

getcontext().prec = 140
LOG2 = Decimal(2).ln()
FIRST, LAST, ZERO = -1914, 6214, 8129
NANO = 10 ** 9


def base(i, parts=64):
    """2^(i/parts)"""
    return Decimal(2) ** (i // parts) * ((Decimal(i % parts) / parts) * LOG2).exp() if i % parts else Decimal(2) ** (i // parts)


def place(i, negative=False):
    return 6214 - i if negative else 10044 + i


def hta_sketch(*args, lines=()):
    return subprocess.run(["hta-sketch", *args], input="".join(f"{x}\n" for x in lines), text=True, check=True, stdout=subprocess.PIPE).stdout.split()


def text(nano):
    return f"{'-' if nano < 0 else ''}{abs(nano) // NANO}.{abs(nano) % NANO:09}"


BOUND = [int(NANO * base(i)) for i in range(FIRST, LAST + 1)]     # bucket FIRST + k is of what is above BOUND[k]


def place_of(nano):
    return ZERO if nano == 0 else place(FIRST + bisect_left(BOUND, abs(nano)) - 1, nano < 0)


@lru_cache(maxsize=None)
def six(i):
    """The middle of positive bucket i, without an exponent."""
    d = Context(prec=6, rounding=ROUND_HALF_EVEN).plus(base(2 * i + 1, 128))
    t = f"{d:f}"
    return t.rstrip("0").rstrip(".") if "." in t else t


def middle(at):
    return "0" if at == ZERO else six(at - 10044) if at > ZERO else "-" + six(6214 - at)


def differ(what, got, want):
    if got == want:
        return 0
    bad = next((k for k, (g, w) in enumerate(zip(got, want)) if g != w), min(len(got), len(want)))
    print(f"{what}: {len(got)} and {len(want)}, first at {bad}: {got[bad:bad + 1]} and {want[bad:bad + 1]}")
    return 1


def bounds():
    values = [sign * v for b in BOUND for v in (b, b + 1) for sign in (1, -1)]
    want = [place_of(v) for v in values]
    return differ("bounds", [int(x) for x in hta_sketch("places", lines=map(text, values))], want)


def middles():
    return differ("middles", hta_sketch("middles"), [middle(at) for at in range(2 * ZERO + 1)])


def decode(data):
    def varint():
        nonlocal at
        v = shift = 0
        while True:
            byte = data[at]
            at += 1
            v |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return v
    out, at, where = {}, 1, -1
    assert data[0] == 1
    while at < len(data):
        v = varint()
        where += 1 + (varint() if v & 1 else 0)
        out[where] = v >> 1
    return out


def limited(count, most=4096):
    kept = sorted(count)[-most:]
    out = Counter()
    for at, n in count.items():
        out[max(at, kept[0])] += n
    return out


KINDS = {
    "log-normal": lambda r: int(NANO * r.lognormvariate(3, 1)),
    "whole": lambda r: NANO * r.randrange(-5, 100),
    "small": lambda r: r.randrange(-30, 60),
    "wide": lambda r: int(2 ** r.uniform(0, 96)) * r.choice((1, -1)),
    "equal": lambda r: 123456789012,
}
Q = ["0", "0.01", "0.05", "0.25", "0.5", "0.55", "0.9", "0.95", "0.99", "0.999", "0.999999999", "1"]


def rank(q, n):
    return max(1, -(-int(Decimal(q) * NANO) * n // NANO))


def quantiles(seed):
    r, bad = random.Random(seed), 0
    for name, kind in KINDS.items():
        for n in (1, 2, 10, 100, 1001, 20000):
            v = sorted(kind(r) for _ in range(n))
            shuffled = v[:]
            r.shuffle(shuffled)
            *got, stored = hta_sketch("quantiles", *Q, lines=map(text, shuffled))
            count = limited(Counter(map(place_of, v)))
            bad += differ(f"{name} of {n}, stored", sorted(decode(bytes.fromhex(stored)).items()), sorted(count.items()))
            for q, g in zip(Q, got, strict=True):
                at = v[rank(q, n) - 1]
                if place_of(at) <= min(count) and len(count) == 4096:
                    continue    # merged into the lowest
                bad += differ(f"{name} of {n}, quantile {q}", [g], [middle(place_of(at))])
                if abs(Decimal(g) * NANO - at) > abs(at) * Decimal("0.006"):
                    print(f"{name} of {n}, quantile {q}: {g} for {text(at)}")
                    bad += 1
    return bad


def main():
    checks = {"bounds": bounds, "middles": middles, "quantiles": lambda: quantiles(int(sys.argv[2]))}
    return 1 if checks[sys.argv[1]]() else 0


sys.exit(main())
