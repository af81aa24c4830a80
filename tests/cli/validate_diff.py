#!/usr/bin/env python3
"""Made schemas and records, judged by hta-validate and by python3-jsonschema: validate_diff.py [--seed N] [--schemas N]. Numbers stay within what doubles hold,
since jsonschema has no others; what the two do differently on purpose is not made (formats, equal names, $ before a last newline, \\w beyond ASCII)."""
import argparse, json, os, random, subprocess, sys, tempfile
import jsonschema

NAMES = ["a", "b", "c", "ab", "é"]
STRINGS = ["", "a", "b", "ab", "abc", "é", "aé", "\na", "1", "x" * 30, "😀", "\"\\"]
NUMBERS = [0, 1, -1, 2, 3, 10, 1.0, 0.5, 1.5, -0.5, 100, 1e3, 2.25]
PATTERNS = ["a", "^a", "b$", "^[ab]*$", "^.$", "\\d", "^\\S+$", "é", "^(a|b)?c*$", "[^a]", "^[a-z0-9_]{1,2}$"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


def value(r, depth=2):
    way = r.randrange(10 if depth else 7)
    if way < 2:
        return r.choice(STRINGS)
    if way < 5:
        return r.choice(NUMBERS)
    if way < 7:
        return r.choice([None, True, False])
    if way < 8:
        return [value(r, depth - 1) for _ in range(r.randrange(5))]
    return {r.choice(NAMES): value(r, depth - 1) for _ in range(r.randrange(5))}


def schema(r, depth=3, refs=True):
    if r.random() < 0.08:
        return r.random() < 0.7
    s = {}
    sub = lambda: schema(r, depth - 1, refs)
    leaves = {
        "type": lambda: r.choice(TYPES) if r.random() < 0.5 else r.sample(TYPES, r.randrange(1, 4)),
        "const": lambda: value(r), "enum": lambda: [value(r) for _ in range(r.randrange(1, 5))],
        "minimum": lambda: r.choice(NUMBERS), "maximum": lambda: r.choice(NUMBERS), "exclusiveMinimum": lambda: r.choice(NUMBERS),
        "exclusiveMaximum": lambda: r.choice(NUMBERS), "multipleOf": lambda: r.choice([1, 2, 0.5, 0.25, 3]),
        "minLength": lambda: r.randrange(4), "maxLength": lambda: r.randrange(4), "pattern": lambda: r.choice(PATTERNS),
        "minItems": lambda: r.randrange(3), "maxItems": lambda: r.randrange(4), "uniqueItems": lambda: r.random() < 0.8,
        "minProperties": lambda: r.randrange(3), "maxProperties": lambda: r.randrange(4),
        "required": lambda: r.sample(NAMES, r.randrange(3)),
        "dependentRequired": lambda: {r.choice(NAMES): r.sample(NAMES, r.randrange(3))},
    }
    below = {
        "properties": lambda: {n: sub() for n in r.sample(NAMES, r.randrange(4))},
        "patternProperties": lambda: {r.choice(PATTERNS): sub() for _ in range(r.randrange(3))},
        "additionalProperties": sub, "propertyNames": sub, "items": sub, "prefixItems": lambda: [sub() for _ in range(r.randrange(1, 3))],
        "contains": sub, "allOf": lambda: [sub() for _ in range(r.randrange(1, 3))], "anyOf": lambda: [sub() for _ in range(r.randrange(1, 3))],
        "oneOf": lambda: [sub() for _ in range(r.randrange(1, 3))], "not": sub, "if": sub, "then": sub, "else": sub,
        "dependentSchemas": lambda: {r.choice(NAMES): sub()},
    }
    for name in r.sample(sorted(leaves), r.randrange(3)):
        s[name] = leaves[name]()
    if depth:
        for name in r.sample(sorted(below), r.randrange(4)):
            s[name] = below[name]()
    if "contains" in s and r.random() < 0.5:
        s["minContains"] = r.randrange(3)
        s["maxContains"] = r.randrange(3)
    if refs and r.random() < 0.1:
        s["$ref"] = "#/$defs/" + r.choice(["x", "y"])
    return s


def root(r):
    s = schema(r)
    if not isinstance(s, dict) or r.random() < 0.4:    # what the quick way is for
        s = {"type": "object", "required": r.sample(NAMES, r.randrange(2)), "properties": {n: schema(r, r.randrange(3)) for n in r.sample(NAMES, 3)}}
        if r.random() < 0.5:
            s["properties"]["c"] = {"type": "object", "required": ["a"], "properties": {n: schema(r, 1) for n in NAMES[:3]}}
    s["$defs"] = {"x": schema(r, 2, False), "y": schema(r, 2, False)}
    return s


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    p.add_argument("--schemas", type=int, default=1000)
    args = p.parse_args()
    r = random.Random(args.seed)
    valid = records = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "s.json")
        for n in range(args.schemas):
            s = root(r)
            objects = [{r.choice(NAMES): value(r, 3) for _ in range(r.randrange(6))} for _ in range(60)]
            lines = [json.dumps({"i": i}, ensure_ascii=False)[:-1] + (", " if o else "") + json.dumps(o, ensure_ascii=r.random() < 0.3)[1:]
                     for i, o in enumerate(objects)]
            objects = [json.loads(l) for l in lines]
            with open(path, "w", encoding="utf-8") as f:
                json.dump(s, f)
            got = subprocess.run(["hta-validate", "--schema", path, "--dead", "drop"], input="\n".join(lines) + "\n", capture_output=True, text=True, check=True)
            passed = {json.loads(l)["i"] for l in got.stdout.split("\n") if l}
            judge = jsonschema.Draft202012Validator(s)
            for i, o in enumerate(objects):
                want = judge.is_valid(o)
                valid += want
                records += 1
                if want != (i in passed):
                    wrong += 1
                    print(f"seed {args.seed}, schema {n}: jsonschema says {want}: {lines[i]}\n  {json.dumps(s)}")
    print(f"seed {args.seed}: {records} records, {valid} valid, {wrong} differ")
    return wrong != 0 or not records / 10 < valid < records * 9 / 10


sys.exit(main())
