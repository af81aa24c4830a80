#!/usr/bin/env python3
"""The public JSON-Schema-Test-Suite through hta-validate: validate_suite.py TESTS, the folder with draft2020-12.

Every case of every group goes through a schema that refers to the group's, by --schemas, twice: as it is, and with all of its text escaped. Where all
instances are objects, the group's schema judges them itself too, which is the quick way. A file is in one of the tables; one that is in none is an error."""
import json, os, subprocess, sys, tempfile

# All pass, but for groups that are refused: part of the group's description -> part of the reason
FILES = {
    "additionalProperties": {}, "allOf": {}, "anchor": {"invalid anchors": "is in none of the files"}, "anyOf": {}, "boolean_schema": {}, "const": {}, "contains": {}, "default": {},
    "dependentRequired": {}, "dependentSchemas": {}, "enum": {}, "exclusiveMaximum": {}, "exclusiveMinimum": {}, "format": {}, "if-then-else": {},
    "infinite-loop-detection": {}, "items": {}, "maxContains": {}, "maxItems": {}, "maxLength": {}, "maxProperties": {}, "maximum": {},
    "minContains": {}, "minItems": {}, "minLength": {}, "minProperties": {}, "minimum": {}, "multipleOf": {}, "oneOf": {},
    "pattern": {}, "patternProperties": {}, "prefixItems": {}, "properties": {}, "propertyNames": {}, "required": {}, "type": {}, "uniqueItems": {},
    "content": {"with schema": "contentSchema is not done"},
    "defs": {"metaschema": "is in none of the files"},
    "id": {"fragments": "is in none of the files", "Valid use": "is in none of the files", "Unnormalized": "is in none of the files"},
    "not": {"collect annotations": "unevaluatedProperties is not done"},
    "ref": {"remote ref": "is in none of the files", "f-component": "is in none of the files", "creates new scope": "unevaluatedProperties is not done"},
    "unknownKeyword": {},
    "optional/bignum": {}, "optional/float-overflow": {}, "optional/ecmascript-regex": {"control escape": "is in none of the files"}, "optional/unicode": {}, "optional/no-schema": {},
    "optional/non-bmp-regex": {}, "optional/unknownKeyword": {}, "optional/refOfUnknownKeyword": {}, "optional/anchor": {}, "optional/id": {},
    "optional/format/date-time": {}, "optional/format/date": {}, "optional/format/time": {}, "optional/format/uuid": {}, "optional/format/email": {},
    "optional/format/ipv4": {}, "optional/format/ipv6": {}, "optional/format/uri": {}, "optional/format/unknown": {},
}
# All groups are refused
REFUSED = {
    "unevaluatedItems": "unevaluatedItems is not done|$dynamicAnchor is not done",
    "unevaluatedProperties": "unevaluatedProperties is not done|$dynamicAnchor is not done",
    "dynamicRef": "$dynamicRef is not done|$dynamicAnchor is not done|unevaluatedProperties is not done|is in none of the files", "refRemote": "is in none of the files",
    "vocabulary": "no other draft is known",
}
# Not claimed: formats that are refused, other drafts
ASIDE = {"optional/cross-draft", "optional/dependencies-compatibility", "optional/dynamicRef", "optional/format-assertion", "optional/format/duration",
         "optional/format/hostname", "optional/format/idn-email", "optional/format/idn-hostname", "optional/format/iri", "optional/format/iri-reference",
         "optional/format/json-pointer", "optional/format/regex", "optional/format/relative-json-pointer", "optional/format/uri-reference",
         "optional/format/uri-template", "optional/format/ecmascript-regex"}


def run(args, lines):
    """Which lines pass, by number; or the code and what was said."""
    p = subprocess.run(["hta-validate", "--dead", "drop", *args], input="".join(l + "\n" for l in lines), capture_output=True, text=True)
    if p.returncode:
        return p.returncode, p.stderr
    return 0, {json.loads(l)["i"] for l in p.stdout.split("\n") if l}


def judge(group, formats):
    """What is wrong with the group's answers, a text each, and the reason of a refusal or None."""
    with tempfile.TemporaryDirectory() as folder:
        for name, schema in (("case", group["schema"]), ("wrap", {"properties": {"v": {"$ref": "case.json"}}, "required": ["v"]})):
            with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as f:
                json.dump(schema, f, ensure_ascii=False)
        tests = group["tests"]
        lines = [json.dumps({"type": "wrap", "i": i + len(tests) * escaped, "v": t["data"]}, ensure_ascii=bool(escaped))
                 for escaped in (0, 1) for i, t in enumerate(tests)]
        code, answer = run(["--schemas", folder, "--type", "type", *formats], lines)
        if code:
            return [], answer if code == 78 else f"exit {code}: {answer}"
        wrong = [t["description"] for i, t in enumerate(tests) for n in (i, i + len(tests)) if (n in answer) != t["valid"]]
        if all(isinstance(t["data"], dict) and "i" not in t["data"] for t in tests):
            # objects themselves; which of them passed is seen by one process each
            for t in tests:
                p = subprocess.run(["hta-validate", "--dead", "drop", "--schema", os.path.join(folder, "case.json"), *formats],
                                   input=json.dumps(t["data"], ensure_ascii=False) + "\n", capture_output=True, text=True)
                if p.returncode or bool(p.stdout) != t["valid"]:
                    wrong.append(t["description"] + " (itself)")
        return wrong, None


def expected_refusal(refusals, description):
    found = [r for part, r in refusals.items() if part and part in description]
    return found[0] if found else refusals.get("")


def main():
    top = os.path.join(sys.argv[1], "draft2020-12")
    names = sorted(os.path.relpath(os.path.join(d, f), top)[:-5] for d, _, files in os.walk(top) for f in files if f.endswith(".json"))
    bad = passed = refused = 0
    for name in names:
        if name in ASIDE:
            continue
        if name not in FILES and name not in REFUSED:
            print(f"{name}: in no table")
            bad += 1
            continue
        formats = [] if name.startswith("optional/format/") else ["--formats", "annotate"]
        with open(os.path.join(top, name + ".json"), encoding="utf-8") as f:
            groups = json.load(f)
        n = 0
        for group in groups:
            wrong, refusal = judge(group, formats)
            want = REFUSED.get(name) or expected_refusal(FILES[name], group["description"])
            if refusal is not None and not (want and any(w in refusal for w in want.split("|"))):
                wrong.append("refused: " + refusal.strip())
            if refusal is None and want:
                wrong.append("not refused")
            for w in wrong:
                print(f"{name}: {group['description']}: {w}")
            bad += len(wrong)
            if refusal is None:
                n += len(group["tests"])
            else:
                refused += len(group["tests"])
        passed += n
        print(f"{name}: {'all pass' if n else 'refused with 78'}, {n} cases")
    print(f"{passed} cases pass, {refused} are refused, {bad} are wrong")
    return bad != 0 or passed < 800


sys.exit(main())
