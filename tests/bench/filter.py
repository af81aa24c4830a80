"""hta-filter --where against jq, on a tenth of the events."""
from measure import compare
from tools import packages, sh

WHERE = ".status >= 500"


def where(bench):
    """hta-filter --where on one thread against jq's select: CPU"""
    file = bench.events(bench.n // 10)
    ours, jq = f"hta-filter -q --where '{WHERE}' {file}", f"jq -c 'select({WHERE})' {file}"
    packages("filters", unless=("jq",))
    sh(f"cmp <({ours} | jq -c .) <({jq})")
    return compare("records that pass a condition", {"jq": jq, "hta-filter --where": ours}, bench.rounds, {"hta-filter --where": 50}, key="cpu")


TASKS = {"where": where}
