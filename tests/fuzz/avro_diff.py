#!/usr/bin/env python3
"""Avro by hta-avro and by fastavro: tests/fuzz/avro_diff.py [--seed N] [--schemas N] [--seconds S]

Makes N schemas (1000) from a seed that is printed, each with a later one that its reader has (fields that
moved, came, went, were promoted; branches and symbols that came and went) and a value. fastavro writes the
value. Then
  read    hta-avro reads it by both schemas; the JSON is what fastavro reads, told as avro.h tells it;
  refuse  where fastavro cannot read it so, hta-avro says an error;
  write   hta-avro writes that JSON; what fastavro reads of it is the value again;
  short   with its end cut off, or a byte behind it, the record is an error.
With --seconds again and again, each time from the next seed. hta-avro comes from PATH. TAP with one test on
stdout. tests/fuzz/run fastavro runs it by a fastavro of its own. Without one (pip install fastavro): a failure where CI is true, else a skip."""
import argparse
import base64
import copy
import datetime
import decimal
import io
import json
import os
import random
import struct
import subprocess
import sys
import time
import uuid

try:
    import fastavro
    from fastavro.read import SchemaResolutionError
except ImportError:
    if os.environ.get("CI") == "true":
        print("1..1\nnot ok 1 - avro: fastavro is missing (pip install fastavro)")
        sys.exit(1)
    print("1..1\nok 1 - avro # skip fastavro is missing (pip install fastavro)")
    sys.exit(0)

UTC = datetime.timezone.utc
LOGICAL = {
    "date": "int", "time-millis": "int", "time-micros": "long", "timestamp-millis": "long", "timestamp-micros": "long",
    "local-timestamp-millis": "long", "local-timestamp-micros": "long",
}
PROMOTED = {"int": ["long", "float", "double"], "long": ["float", "double"], "float": ["double"], "string": ["bytes"], "bytes": ["string"]}
INTS = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2**31 - 1, -(2**31)]
LONGS = INTS + [2**31, -(2**31) - 1, 2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]
REALS = [0.0, -0.0, 1.0, -1.5, 0.1, 12.37, 1e-4, 123456.789, 1e15, 1e22, 1e300, 5e-324, 1.7976931348623157e308, float("inf"), float("-inf"), float("nan"), 1 / 3, 100.0, 0.05]
WORDS = ["", "a", "user", "hällo", "日本語", "\U0001f600", 'quote " and \\', "tab\tline\nnul\0", "x" * 40, "é" * 33, "/path?q=1&r=2"]


class Maker:
    def __init__(self, rng):
        self.rng, self.names, self.known = rng, 0, []

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def logical(self):
        kind = self.rng.choice(list(LOGICAL) + ["decimal", "fixed-decimal", "uuid"])
        if kind == "decimal":
            precision = self.rng.randint(1, 40)
            return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": self.rng.randint(0, precision)}
        if kind == "fixed-decimal":
            size = self.rng.randint(1, 17)
            precision = self.rng.randint(1, max(1, int((8 * size - 1) * 0.30103)))
            return {"type": "fixed", "name": self.name("D"), "size": size, "logicalType": "decimal", "precision": precision, "scale": self.rng.randint(0, precision)}
        if kind == "uuid":
            return {"type": "string", "logicalType": "uuid"}
        return {"type": LOGICAL[kind], "logicalType": kind}

    def type(self, depth, in_union=False):
        rng = self.rng
        choice = rng.random()
        if depth <= 0 or choice < 0.45:
            return rng.choice(["null", "boolean", "int", "long", "float", "double", "bytes", "string"])
        if choice < 0.55:
            return self.logical()
        if choice < 0.62:
            symbols = [f"S{i}" for i in range(rng.randint(1, 5))]
            return {"type": "enum", "name": self.name("E"), "symbols": symbols}
        if choice < 0.66:
            return {"type": "fixed", "name": self.name("F"), "size": rng.choice([0, 1, 4, 16, 33])}
        if choice < 0.73:
            return {"type": "array", "items": self.type(depth - 1)}
        if choice < 0.79:
            return {"type": "map", "values": self.type(depth - 1)}
        if choice < 0.91 and not in_union:
            return self.union(depth)
        return self.record(depth - 1)

    def union(self, depth):
        branches, kinds = ["null"] if self.rng.random() < 0.6 else [], set()
        kinds.update(branches)
        for _ in range(self.rng.randint(1, 3)):
            branch = self.type(depth - 1, in_union=True)
            kind = branch if isinstance(branch, str) else branch["type"]
            # what JSON cannot tell apart does not stand in one union: it is read, but not written again
            group = {"int": "n", "long": "n", "float": "ns", "double": "ns", "bytes": "s", "string": "s", "fixed": "s", "enum": "s", "record": "o", "map": "o"}.get(kind, "")
            if isinstance(branch, dict) and "logicalType" in branch:
                group = "s" if kind == "string" else "ns"
            if kinds.intersection(group) or kind in kinds:
                continue
            kinds.update(group, [kind])
            branches.append(branch)
        if self.rng.random() < 0.3:
            self.rng.shuffle(branches)
        return branches if branches else "null"

    def record(self, depth):
        name = self.name("R")
        space = self.rng.choice([None, None, "a.b", ""])
        fields = [{"name": f"f{i}", "type": self.type(depth)} for i in range(self.rng.randint(0, 6))]
        record = {"type": "record", "name": name, "fields": fields}
        if space is not None:
            record["namespace"] = space
        if self.rng.random() < 0.15:
            own = name if not space else f"{space}.{name}"
            fields.append({"name": "next", "type": ["null", own if space is not None else name]})
        return record

    # ---- values, as fastavro takes them

    def value(self, schema, env, deep=0):
        rng = self.rng
        if isinstance(schema, list):
            branch = schema[0] if deep > 12 else rng.choice(schema)
            return self.value(branch, env, deep)
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind in env:
            return self.value(env[kind], env, deep + 1)
        logical = schema.get("logicalType") if isinstance(schema, dict) else None
        if logical:
            return self.logical_value(schema, logical)
        if kind == "record":
            return {f["name"]: self.value(f["type"], env, deep + 1) for f in schema["fields"]}
        if kind == "enum":
            return rng.choice(schema["symbols"])
        if kind == "fixed":
            return rng.randbytes(schema["size"])
        many = rng.choice([0, 1, 1, 2, 3]) if deep < 8 else 0
        if kind == "array":
            return [self.value(schema["items"], env, deep + 1) for _ in range(many)]
        if kind == "map":
            return {f"{rng.choice(WORDS)}{i}": self.value(schema["values"], env, deep + 1) for i in range(many)}
        return {
            "null": lambda: None,
            "boolean": lambda: rng.random() < 0.5,
            "int": lambda: rng.choice(INTS + [rng.randint(-(2**31), 2**31 - 1)]),
            "long": lambda: rng.choice(LONGS + [rng.randint(-(2**63), 2**63 - 1)]),
            "float": lambda: f32(rng.choice([r for r in REALS if r in (0.0,) or r != r or abs(r) < 3e38 or abs(r) == float("inf")] + [round(rng.uniform(-1e4, 1e4), rng.randint(0, 5)), random_float(rng)])),
            "double": lambda: rng.choice(REALS + [round(rng.uniform(-1e6, 1e6), rng.randint(0, 6)), random_double(rng)]),
            "bytes": lambda: rng.choice([w.encode() for w in WORDS] + [rng.randbytes(rng.randint(0, 20))]),
            "string": lambda: rng.choice(WORDS) + rng.choice(["", str(rng.random())]),
        }[kind]()

    def logical_value(self, schema, logical):
        rng = self.rng
        if logical == "decimal":
            digits = rng.randint(0, 10 ** rng.randint(1, schema["precision"]) - 1) * rng.choice([1, -1])
            return decimal.Decimal(digits).scaleb(-schema["scale"], decimal.Context(prec=400))
        if logical == "uuid":
            return uuid.UUID(int=rng.getrandbits(128))
        if logical == "date":
            return datetime.date.fromordinal(rng.randint(1, datetime.date.max.toordinal()))
        micros = rng.choice([0, 1000 * rng.randint(0, 999), rng.randint(0, 999999)])
        if logical.endswith("millis"):
            micros -= micros % 1000
        if logical.startswith("time-"):
            return datetime.time(rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59), micros)
        when = datetime.datetime(rng.randint(1, 9999), rng.randint(1, 12), rng.randint(1, 28), rng.randint(0, 23), rng.randint(0, 59), rng.randint(0, 59), micros)
        return when if logical.startswith("local") else when.replace(tzinfo=UTC)

    # ---- the reader's schema

    def later(self, schema):
        rng = self.rng
        if isinstance(schema, list):
            branches = [self.later(b) for b in schema]
            if rng.random() < 0.1:
                branches.pop(rng.randrange(len(branches)))
            seen, unique = set(), []
            for b in branches:
                kind = b if isinstance(b, str) else b.get("name", b["type"])
                if kind not in seen and not isinstance(b, list):
                    seen.add(kind)
                    unique.append(b)
            return unique or "null"
        if isinstance(schema, str):
            if schema in PROMOTED and rng.random() < 0.2:
                return rng.choice(PROMOTED[schema])
            return schema if rng.random() < 0.99 else rng.choice(["int", "string", "null"])
        schema = dict(schema)
        if schema["type"] == "record":
            schema["fields"] = self.later_fields(schema["fields"])
        elif schema["type"] == "array":
            schema["items"] = self.later(schema["items"])
        elif schema["type"] == "map":
            schema["values"] = self.later(schema["values"])
        elif schema["type"] == "enum" and rng.random() < 0.3:
            schema["symbols"] = [s for s in schema["symbols"] if rng.random() < 0.8] + ["NEW"]
            if rng.random() < 0.7:
                schema["default"] = rng.choice(schema["symbols"])
        return schema

    def later_fields(self, fields):
        rng = self.rng
        out = []
        for field in fields:
            if rng.random() < 0.15:
                continue
            field = dict(field, type=self.later(field["type"]))
            if rng.random() < 0.1:
                field.update(aliases=[field["name"]], name="new_" + field["name"])
            out.append(field)
        if rng.random() < 0.4:
            rng.shuffle(out)
        if rng.random() < 0.4:
            out.append({"name": "added", **rng.choice(ADDED)})
        return out


# Fields that only the reader has, and what comes out; a default of bytes is its code points.
ADDED = [
    {"type": "int", "default": 7}, {"type": ["null", "string"], "default": None}, {"type": "string", "default": 'ü"'},
    {"type": "bytes", "default": "\u00ff\u0001"}, {"type": {"type": "array", "items": "long"}, "default": [1, 2]},
    {"type": {"type": "map", "values": "double"}, "default": {"k": 0.5}}, {"type": ["long", "null"], "default": 9007199254740993},
    {"type": "double", "default": 1},
]


def f32(x):
    try:
        return struct.unpack("<f", struct.pack("<f", x))[0]
    except OverflowError:   # it is of another branch of a union
        return float("nan")


def random_float(rng):
    return struct.unpack("<f", struct.pack("<I", rng.getrandbits(32)))[0]


def random_double(rng):
    return struct.unpack("<d", struct.pack("<Q", rng.getrandbits(64)))[0]


def named(schema, env, space=""):
    """Named types of a schema by every name they have."""
    if isinstance(schema, list):
        for branch in schema:
            named(branch, env, space)
    elif isinstance(schema, dict):
        if "name" in schema:
            space = schema.get("namespace", space)
            env[f"{space}.{schema['name']}" if space else schema["name"]] = schema
            env[schema["name"]] = schema
        for field in schema.get("fields", []):
            named(field["type"], env, space)
        for part in ("items", "values"):
            named(schema.get(part), env, space)
    return env


def refuse_constant(name):
    raise ValueError(name)


class Number(decimal.Decimal):
    """A number of JSON, exactly."""


def parse(text):
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=refuse_constant)


def same_real(got, want, single):
    if want != want or want in (float("inf"), float("-inf")):
        return got == {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(want)]
    if not isinstance(got, Number):
        return False
    back = float(got)
    if single:
        back = f32(back)
    return struct.pack("<d", back) == struct.pack("<d", want)


def instant(when, local):
    fraction = "" if when.microsecond == 0 else f".{when.microsecond // 1000:03d}" if when.microsecond % 1000 == 0 else f".{when.microsecond:06d}"
    return f"{when.year:04d}-{when.month:02d}-{when.day:02d}T{when.hour:02d}:{when.minute:02d}:{when.second:02d}{fraction}" + ("" if local else "Z")


def same_otherwise(got, want, kind):
    """
    What the two choose differently in a union. Where the writer's branch is text and the reader has bytes before text, or the reverse, fastavro takes
    the first that can be had; we take the same type before another, as Java does. And it keeps a logical type that the reader's branch has not.
    """
    if kind == "string":
        return isinstance(got, str) and (isinstance(want, uuid.UUID) and got == str(want) or isinstance(want, bytes) and got.encode() == want
                                         or isinstance(want, decimal.Decimal))
    if kind == "bytes":
        return isinstance(got, str) and (isinstance(want, str) and got == base64.b64encode(want.encode()).decode() or isinstance(want, decimal.Decimal))
    kept = {"int": (datetime.date, datetime.time), "long": (datetime.datetime, datetime.time)}
    return isinstance(got, Number) and type(want) in kept.get(kind, ())


def same(got, want, schema, env):
    """Whether JSON is the value of fastavro, by a schema."""
    if isinstance(schema, list):
        return any(same(got, want, branch, env) or isinstance(branch, str) and same_otherwise(got, want, branch) for branch in schema)
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind in env:
        return same(got, want, env[kind], env)
    logical = schema.get("logicalType") if isinstance(schema, dict) else None
    if logical == "decimal":
        return isinstance(got, Number) and isinstance(want, decimal.Decimal) and got == want and -got.as_tuple().exponent == schema["scale"]
    if logical == "uuid":
        return got == str(want)
    if logical == "date":
        return isinstance(want, datetime.date) and got == want.isoformat()
    if logical and logical.startswith("time-"):
        return isinstance(want, datetime.time) and got == instant(datetime.datetime.combine(datetime.date.min, want), True)[11:]
    if logical and "timestamp" in logical:
        return isinstance(want, datetime.datetime) and got == instant(want, logical.startswith("local"))
    if kind == "record":
        return (isinstance(want, dict) and isinstance(got, dict) and set(got) == {f["name"] for f in schema["fields"]} == set(want)
                and all(same(got[f["name"]], want[f["name"]], f["type"], env) for f in schema["fields"]))
    if kind == "array":
        return isinstance(want, list) and isinstance(got, list) and len(got) == len(want) and all(same(g, w, schema["items"], env) for g, w in zip(got, want))
    if kind == "map":
        return isinstance(want, dict) and isinstance(got, dict) and set(got) == set(want) and all(same(got[k], want[k], schema["values"], env) for k in got)
    if kind in ("bytes", "fixed"):
        if isinstance(want, str):   # a default; or it is of another branch of a union
            want = want.encode("iso-8859-1") if max(want, default="") <= "\xff" else None
        return isinstance(want, bytes) and got == base64.b64encode(want).decode()
    if kind in ("float", "double"):
        return isinstance(want, (int, float)) and not isinstance(want, bool) and same_real(got, float(want) if kind == "double" else f32(float(want)), kind == "float")
    if kind in ("int", "long"):
        return isinstance(want, int) and not isinstance(want, bool) and isinstance(got, Number) and got == want and got.as_tuple().exponent >= 0
    return type(got) is type(want) and got == want


class Program:
    def __init__(self):
        self.process = subprocess.Popen(["hta-avro"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, raw_value=None, **question):
        text = json.dumps(question)
        if raw_value is not None:
            text = text[:-1] + ', "value": ' + raw_value + "}"
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"not ok 1 - hta-avro ended: {text}")
        return answer.decode().rstrip("\n")


class Difference(Exception):
    pass


def must(condition, what, *facts):
    if not condition:
        raise Difference("\n# ".join([what, *map(repr, facts)]))


def reads(body, writer, reader):
    """What fastavro reads, or None: it cannot. Its errors of data have many names."""
    stream = io.BytesIO(body)
    try:
        return [fastavro.schemaless_reader(stream, writer, reader)]
    except (SchemaResolutionError, ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError, OverflowError, struct.error):
        return None


def one(seed, program, counts):
    maker = Maker(random.Random(seed))
    schema = maker.record(3)
    env = named(schema, {})
    try:
        writer = fastavro.parse_schema(copy.deepcopy(schema))
    except fastavro.schema.SchemaParseException:
        return
    value = maker.value(schema, env)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, writer, value)
    body = body.getvalue()
    text = json.dumps(schema)

    answer = program.ask(writer=text, hex=body.hex())
    want = reads(body, writer, None)
    must('{"json":' == answer[:8], "read", schema, body.hex(), answer)
    must(same(parse(answer)["json"], want[0], schema, env), "read", schema, body.hex(), answer, want)
    counts["read"] += 1

    # Equal but for NaN, which is no equal of itself: compared as text.
    back = json.loads(program.ask(writer=text, raw_value=answer[8:-1]))
    must("hex" in back, "write", schema, answer, back)
    must(repr(reads(bytes.fromhex(back["hex"]), writer, None)) == repr(want), "write", schema, answer, back)
    counts["write"] += 1

    if body:
        must("error" in json.loads(program.ask(writer=text, hex=body[:-1].hex())), "short", schema, body.hex())
    must("error" in json.loads(program.ask(writer=text, hex=(body + b"\0").hex())), "long", schema, body.hex())
    counts["short"] += 1

    later = maker.later(schema)
    try:
        reader = fastavro.parse_schema(copy.deepcopy(later))
    except fastavro.schema.SchemaParseException:
        return
    answer = program.ask(writer=text, reader=json.dumps(later), hex=body.hex())
    want = reads(body, writer, reader)
    if want is None:
        counts["refused"] += "error" in json.loads(answer)
        counts["read more"] += '{"json":' == answer[:8]
        return
    must('{"json":' == answer[:8], "resolve", schema, later, body.hex(), answer, want)
    must(same(parse(answer)["json"], want[0], later, named(later, {})), "resolve", schema, later, body.hex(), answer, want)
    counts["resolved"] += 1


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    options.add_argument("--schemas", type=int, default=1000)
    options.add_argument("--seconds", type=float, default=0)
    o = options.parse_args()
    program, counts, end, seed = Program(), dict.fromkeys(["read", "write", "short", "resolved", "refused", "read more"], 0), time.monotonic() + o.seconds, o.seed
    while seed < o.seed + o.schemas or time.monotonic() < end:
        try:
            one(seed, program, counts)
        except Difference as e:
            print(f"1..1\nnot ok 1 - avro: seed {seed}\n# {e}")
            sys.exit(1)
        seed += 1
    if min(counts["read"], counts["resolved"]) == 0:
        print(f"1..1\nnot ok 1 - avro: seed {o.seed}: nothing was compared")
        sys.exit(1)
    print(f"1..1\nok 1 - avro: seed {o.seed}, " + ", ".join(f"{n} {what}" for what, n in counts.items()))


if __name__ == "__main__":
    main()
