"""HyperLogLog registers as hta-protocol(7) has them: MurmurHash64A, seed 0xadc83b19, 2^14 registers as in Redis.

Decoded from three forms, each by its own document: ours (hta-protocol(7)), Redis' (hyperloglog.c: dense and sparse) and
postgresql-hll's (STORAGE: EMPTY, SPARSE, FULL; registers of 5 bits, EXPLICIT does not occur)."""
import base64
import hashlib
from functools import lru_cache

M = 0xc6a4a7935bd1e995
MASK = (1 << 64) - 1
COUNT = 1 << 14
PG_MOST = 31        # what 5 bits hold


@lru_cache(maxsize=1 << 18)
def murmur(data):
    h = (0xadc83b19 ^ (len(data) * M)) & MASK
    whole = len(data) & ~7
    for i in range(0, whole, 8):
        k = (int.from_bytes(data[i:i + 8], "little") * M) & MASK
        k = ((k ^ (k >> 47)) * M) & MASK
        h = ((h ^ k) * M) & MASK
    if len(data) > whole:
        h = ((h ^ int.from_bytes(data[whole:], "little")) * M) & MASK
    h = ((h ^ (h >> 47)) * M) & MASK
    return h ^ (h >> 47)


class Registers(dict):
    """index -> rank, where it is not 0"""

    def add(self, text):
        h = murmur(text.encode())
        index, rest = h & 0x3fff, (h >> 14) | (1 << 50)
        rank = (rest & -rest).bit_length()
        if rank > self.get(index, 0):
            self[index] = rank


def registers_of(texts):
    out = Registers()
    for text in texts:
        out.add(text)
    return out


def decode(sketch):
    """Registers of stored bytes of any of the three forms, or of their base64."""
    if isinstance(sketch, str):
        sketch = base64.b64decode(sketch)
    if sketch[:4] == b"HYLL":
        return _redis(sketch)
    return _pg(sketch) if sketch[0] >> 4 == 1 else _hta(sketch)


def digest(sketch):
    """One text of what a sketch says, whichever store it comes from."""
    ranks = sorted((i, min(rank, PG_MOST)) for i, rank in decode(sketch).items())
    return hashlib.sha256(repr(ranks).encode()).hexdigest()[:32]


def _bits(data, width, count, low_first):
    """`count` numbers of `width` bits. Eight of them are whole bytes and are cut out together: one number of the whole
    would be shifted count times."""
    order, out = "little" if low_first else "big", []
    for at in range(0, len(data), width):
        eight = int.from_bytes(data[at:at + width].ljust(width, b"\0"), order)
        for i in range(8) if low_first else range(7, -1, -1):
            out.append((eight >> (i * width)) & ((1 << width) - 1))
    return out[:count]


def _dense(ranks):
    return Registers((i, rank) for i, rank in enumerate(ranks) if rank)


def _hta(b):
    if b[0] == 1:
        words = (int.from_bytes(b[i:i + 3], "big") for i in range(1, len(b), 3))
        return Registers((word >> 6, word & 63) for word in words)
    assert b[0] == 2 and len(b) == 1 + COUNT * 6 // 8
    return _dense(_bits(b[1:], 6, COUNT, True))


def _redis(b):
    if b[4] == 0:
        return _dense(_bits(b[16:16 + COUNT * 6 // 8], 6, COUNT, True))
    ranks, i = [], 16
    while i < len(b):
        op = b[i]
        if op & 0x80:
            ranks += [((op >> 2) & 31) + 1] * ((op & 3) + 1)
        elif op & 0x40:
            i += 1
            ranks += [0] * ((((op & 63) << 8) | b[i]) + 1)
        else:
            ranks += [0] * ((op & 63) + 1)
        i += 1
    assert len(ranks) == COUNT
    return _dense(ranks)


def _pg(b):
    kind, width, log2m = b[0] & 15, (b[1] >> 5) + 1, b[1] & 31
    assert width == 5 and log2m == 14
    if kind == 3:
        words = _bits(b[3:], 19, (len(b) - 3) * 8 // 19, False)
        return Registers((word >> 5, word & 31) for word in words if word & 31)
    if kind == 4:
        return _dense(_bits(b[3:], 5, COUNT, False))
    assert kind == 1
    return Registers()
