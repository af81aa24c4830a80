"""HyperLogLog registers as hta-protocol(7) has them: MurmurHash64A, seed 0xadc83b19, 2^14 registers as in Redis. Written anew from that page."""
import base64
from functools import lru_cache

M = 0xc6a4a7935bd1e995
MASK = (1 << 64) - 1


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
    """index -> rank"""

    def add(self, text):
        h = murmur(text.encode())
        index, rest = h & 0x3fff, (h >> 14) | (1 << 50)
        rank = (rest & -rest).bit_length()
        if rank > self.get(index, 0):
            self[index] = rank


def decode(sketch):
    """The stored bytes, or their base64."""
    if isinstance(sketch, str):
        sketch = base64.b64decode(sketch)
    out = Registers()
    if sketch[:1] == b"\x01":
        for i in range(1, len(sketch), 3):
            v = int.from_bytes(sketch[i:i + 3], "big")
            out[v >> 6] = v & 63
    else:
        bits = int.from_bytes(sketch[1:], "little")
        for i in range(1 << 14):
            if (bits >> (6 * i)) & 63:
                out[i] = (bits >> (6 * i)) & 63
    return out
