#!/usr/bin/env python3
"""The registers of a stored sketch, decoded from each store's own format, by their own documents: lines "KEY FORMAT HEX" in, lines "KEY DIGEST" out.

FORMAT: hta (hta-protocol(7)), redis (hyperloglog.c: dense and sparse), pg (postgresql-hll's STORAGE: EMPTY, EXPLICIT excluded, SPARSE, FULL; 5 bits a register).
All are brought to 16384 registers of at most 31, so that they can be compared.
"""
import hashlib
import sys

M = 16384


def bits(data, width, count, lsb):
    total = len(data) * 8
    text = format(int.from_bytes(data, "little" if lsb else "big"), f"0{total}b")
    for i in range(count):
        at = total - (i + 1) * width if lsb else i * width
        yield int(text[at:at + width], 2)


def hta(b):
    r = [0] * M
    if b[0] == 1:
        for i in range(1, len(b), 3):
            e = int.from_bytes(b[i:i + 3], "big")
            r[e >> 6] = e & 63
        return r
    assert b[0] == 2 and len(b) == 1 + M * 6 // 8
    return list(bits(b[1:], 6, M, True))


def redis(b):
    assert b[:4] == b"HYLL"
    if b[4] == 0:
        return list(bits(b[16:16 + M * 6 // 8], 6, M, True))
    r, i, at = [], 16, 0
    while i < len(b):
        op = b[i]
        if op & 0x80:
            r += [((op >> 2) & 31) + 1] * ((op & 3) + 1)
        elif op & 0x40:
            i += 1
            r += [0] * ((((op & 63) << 8) | b[i]) + 1)
        else:
            r += [0] * ((op & 63) + 1)
        i += 1
    assert len(r) == M
    return r


def pg(b):
    kind, width, log2m = b[0] & 15, (b[1] >> 5) + 1, b[1] & 31
    assert b[0] >> 4 == 1 and width == 5 and log2m == 14
    r = [0] * M
    if kind == 3:
        for word in bits(b[3:], 19, (len(b) - 3) * 8 // 19, False):
            if word & 31:
                r[word >> 5] = word & 31
    elif kind == 4:
        r = list(bits(b[3:], 5, M, False))
    else:
        assert kind == 1
    return r


for line in sys.stdin:
    key, form, data = line.split()
    registers = {"hta": hta, "redis": redis, "pg": pg}[form](bytes.fromhex(data))
    print(key, hashlib.sha256(bytes(min(x, 31) for x in registers)).hexdigest())
