"""The cases that jq 1.6 tests its language with, through hta-filter.

    jq_cases.py fetch DIR     brings jq's sources from the Debian mirror that apt uses, once: they are kept in
                              ${XDG_CACHE_HOME:-~/.cache}/hta-tests; exit 69: not to be had
    jq_cases.py run FILE.test...

A case is a program, its input and its outputs, or a program that must be refused (%%FAIL). Records
are objects, so the input goes in as {"in": INPUT} and each output comes out as {"out": OUTPUT}.
Prints a line a case that went otherwise, then how many went right. Exit 1 where one did not."""

import hashlib
import http.client
import io
import json
import os
import subprocess
import sys
import tarfile
import time
import urllib.request

SOURCES = "pool/main/j/jq/jq_1.6.orig.tar.gz"
SOURCES_SHA256 = "3ba940b97571c866923f0409678033d33b5a98758dfc174fad8397ed908bc4d9"

# Programs that a filter of records cannot have: modules (there is no search path), and what jq's
# own command line puts in.
BEYOND = ("import ", "include ", "modulemeta", "input_line_number", "$__prog_args")
# Words of inputs that are no JSON, which jq reads all the same.
NO_JSON = ("Infinity", "NaN")


def download():
    """Bytes, or None. A mirror that does not answer is asked thrice."""
    sites = subprocess.run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages"],
                           stdout=subprocess.PIPE, check=False).stdout.decode().split()
    for site in list(dict.fromkeys(sites)) * 3:
        try:
            with urllib.request.urlopen("%s/%s" % (site, SOURCES), timeout=30) as answer:
                data = answer.read()
        except (OSError, http.client.HTTPException) as e:
            print("%s: %s" % (site, e))
            time.sleep(1)
            continue
        if hashlib.sha256(data).hexdigest() == SOURCES_SHA256:
            return data
        print("%s: another file than expected" % site)
    return None


def keep(path, data):
    """Whole or not at all; where it cannot be kept, it is brought again."""
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open("%s.%d" % (path, os.getpid()), "wb") as f:
            f.write(data)
        os.rename(f.name, path)
    except OSError:
        pass


def fetch(folder):
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path, data = os.path.join(cache, "hta-tests", os.path.basename(SOURCES)), b""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError:
        pass
    if hashlib.sha256(data).hexdigest() != SOURCES_SHA256:
        data = download()
        if data is None:
            return 69
        keep(path, data)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        tar.extractall(folder)
    return 0


def cases(path):
    """Triples (program, input, outputs); outputs None: the program must be refused."""
    group, refused = [], False
    with open(path, encoding="utf-8") as f:
        lines = [line.rstrip("\n") for line in f] + [""]
    for line in lines:
        if line.strip().startswith("#"):
            continue
        if line.strip():
            if not group and line.startswith("%%FAIL"):
                refused = True
                continue
            group.append(line)
            continue
        if group:
            yield (group[0], "null", None) if refused else (group[0], group[1], group[2:])
        group, refused = [], False


def run_one(program, text):
    record = '{"in":%s}\n' % text.lstrip("\ufeff")
    p = subprocess.run(["hta-filter", ".in | {out: (%s\n)}" % program], input=record.encode(),
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60)
    return p.returncode, p.stdout.decode(), p.stderr.decode()


def wrong(program, text, outputs):
    code, out, err = run_one(program, text)
    if outputs is None:
        return None if code == 64 else "must be refused, and left with %d" % code
    if code not in (0, 65):
        return "left with %d: %s" % (code, err.strip())
    got = [json.loads(line)["out"] for line in out.splitlines()]
    want = [json.loads(o) for o in outputs]
    return None if got == want else "gave %s, not %s (%s)" % (got, want, err.strip()[:200])


def run_all(paths):
    right = bad = beyond = 0
    for path in paths:
        for program, text, outputs in cases(path):
            if any(w in program for w in BEYOND) or any(w in text for w in NO_JSON):
                beyond += 1
                continue
            why = wrong(program, text, outputs)
            if why:
                bad += 1
                print("%s: %s" % (program, why))
            else:
                right += 1
    print("%d right, %d wrong, %d beyond a filter" % (right, bad, beyond))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(fetch(sys.argv[2]) if sys.argv[1] == "fetch" else run_all(sys.argv[2:]))
