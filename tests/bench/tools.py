"""What a task needs and may be missing: packages, modules, servers, and hta itself. All of it goes into a cache folder or the system's packages."""
import os, shlex, shutil, subprocess, zlib
from measure import die, say

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)


def cache(*names):
    """A folder outside the checkout that outlives the run."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = os.path.join(base, "hta-tests", "bench", *names)
    os.makedirs(folder, exist_ok=True)
    return folder


def sh(command, **more):
    """A command that is not measured; the benchmark ends if it fails. A list, or a text for bash."""
    if isinstance(command, str):
        command = ["bash", "-o", "pipefail", "-c", command]
    p = subprocess.run(command, **{"stdin": subprocess.DEVNULL, **more})
    if p.returncode:
        die(f"this failed with {p.returncode}: {shlex.join(command)}")
    return p.stdout


def packages(*sets, unless=()):
    """Sets of Debian packages of tests/packages.sh, installed where they are missing; not if all the commands in unless are there, whoever brought them."""
    if not unless or not all(shutil.which(c) for c in unless):
        sh([os.path.join(TESTS, "packages.sh"), *sets])


def build_hta():
    """Puts hta and the bench's own programs into PATH, built into HTA_BUILD or the cache unless they are there."""
    if shutil.which("hta-window") and shutil.which("launch") and shutil.which("steps"):
        return
    top = os.path.dirname(TESTS)
    build = os.environ.get("HTA_BUILD") or cache("build", f"{zlib.crc32(top.encode()):08x}")    # a folder a checkout
    say(f"building hta in {build}")
    packages("build")
    sh(f"cd {top} && {{ [ configure -nt configure.ac ] && [ Makefile.in -nt Makefile.am ] || flock configure.ac autoreconf -fi; }} && mkdir -p {build} &&"
       f" cd {build} && {{ [ -e Makefile ] || {top}/configure -q; }} && make -s -j{os.cpu_count()} all test-tools bench-tools")
    os.environ["PATH"] = ":".join([build, f"{build}/tests/bench", f"{build}/tests/kafka", os.environ["PATH"]])


def duckdb():
    """DuckDB for node; returns the command that runs duck.mjs."""
    packages("node", unless=("node", "npm"))
    folder = cache()
    if not os.path.isdir(os.path.join(folder, "node_modules", "@duckdb", "node-api")):
        shutil.copy(os.path.join(HERE, "package.json"), folder)
        sh(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=folder)
    os.environ["BENCH_MODULES"] = os.path.join(folder, "node_modules")
    return f"node {HERE}/duck.mjs"


def start(name, folder):
    """A server of tests/services.sh in a folder; its settings are put into the environment."""
    if name == "kafka":
        packages("kafka", unless=("java", "mvn"))
    packages("test")
    services = os.path.join(TESTS, "services.sh")
    sh([services, "start", name, folder])
    for line in sh([services, "env", folder], stdout=subprocess.PIPE, text=True).splitlines():
        for word in shlex.split(line)[1:]:
            key, _, value = word.partition("=")
            os.environ[key] = value


def stop(folder):
    if os.path.isdir(folder):
        sh([os.path.join(TESTS, "services.sh"), "stop", "all", folder])
