"""For the README: the filters that everybody has, on T1 with a tenth of the events. Each is given the quickest thing that a user would write."""
from decimal import Decimal
from files import T1, csv_rows, ours_rows, same
from measure import compare
from tools import packages

ADD = 'n[k]++; s[k] += v } END { for (k in n) printf "%s,%d,%.3f\\n", k, n[k], s[k] }'
MINUTE = ":00Z"


def commands(file):
    """gawk splits at quotes: right only while all events have the same keys in the same order and no escape; the others parse."""
    return {
        "Miller": f"mlr --ijsonl --ocsv --headerless-csv-output put '$w = substr($ts, 0, 15) . \"{MINUTE}\"' then"
                  f" stats1 -a count,sum -f latency_ms -g w,endpoint,status {file}",
        "jq, then gawk": f"jq -r '[.ts[0:16], .endpoint, .status, .latency_ms] | @csv' {file} |"
                         f" gawk -F, '{{ gsub(\"\\\"\", \"\"); k = $1 \"{MINUTE},\" $2 \",\" $3; v = $4; {ADD}'",
        "gawk, split at quotes": f"gawk -F'\"' '{{ k = substr($8, 1, 16) \"{MINUTE},\" $24 \",\" substr($27, 2, 3); v = substr($29, 2) + 0; {ADD}' {file}",
    }


def once(bench):
    """gawk, jq and Miller on T1, a tenth of the events"""
    packages("filters")
    file, fields = bench.events(max(bench.n // 10, 1)), ["endpoint", "status"]
    ours = ours_rows(f"{T1} {file}", fields)
    for name, command in commands(file).items():
        same(name, ours, [(*r[:-2], r[-2].quantize(Decimal("0.001")), None) for r in csv_rows(command, len(fields))])
    return compare("T1, a tenth of the events", {**commands(file), "hta-window": f"{T1} {file}"}, bench.rounds)


BY_NAME = {"once": once}
