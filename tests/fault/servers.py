"""The bench's own servers, by tests/services.sh, in a folder of its own: they are killed, restarted and given back older states."""
import os
import shutil
import subprocess
import threading
import time

from proxy import Loop, Proxy
from tap import Failure

SHARED = ("pg", "redis", "kafka")
QUIET = "quiet"     # the names of threads of quiet scenes begin so

HERE = os.path.dirname(os.path.abspath(__file__))
SERVICES = os.path.join(os.path.dirname(HERE), "services.sh")


class Servers:
    def __init__(self, folder):
        self.folder = folder
        self.environ = {k: v for k, v in os.environ.items() if k != "HTA_TEST_BROKERS"}
        self.loop = Loop()
        self.lock = threading.Lock()
        self.proxies = {}

    def sh(self, verb, name, *more, check=True):
        p = subprocess.run([SERVICES, verb, name, self.folder, *more], env=self.environ, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        if p.returncode and check:
            raise Failure(f"services.sh {verb} {name}: exit {p.returncode}\n{p.stderr}")
        return p

    def start(self, *names):
        """Several at once. The exit codes of services.sh; 69: not to be had here."""
        done = {}

        def one(name):
            done[name] = self.sh("start", name, check=False)
        threads = [threading.Thread(target=one, args=(n,)) for n in names]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return {n: (p.returncode, p.stderr.strip()) for n, p in done.items()}

    def stop_all(self):
        self.sh("stop", "all", "KILL", check=False)

    def restart(self, name, signal):
        self.nobody_beside(name)
        self.sh("restart", name, signal)

    @staticmethod
    def nobody_beside(name):
        """Quiet scenes run beside others, to whom a fault of these servers would be one that nobody has made."""
        if name in SHARED and threading.current_thread().name.startswith(QUIET):
            raise Failure(f"{name} is restarted by a scene that is said to leave servers alone")

    def port(self, name):
        with open(os.path.join(self.folder, name + ".port")) as f:
            return int(f.read().split()[0])

    def brokers(self, cluster):
        """The true addresses: for the bench's own tools."""
        return ",".join(f"127.0.0.1:{self.port(n)}" for n in self.nodes(cluster))

    def nodes(self, cluster):
        return ["kafka3-1", "kafka3-2", "kafka3-3"] if cluster == "kafka3" else ["kafka"]

    def node_of(self, node_id):
        """The name of the kafka3 node with this id."""
        for n in self.nodes("kafka3"):
            with open(os.path.join(self.folder, n + ".id")) as f:
                if int(f.read()) == node_id:
                    return n
        return None

    def proxy(self, name):
        """The proxy before a server: pg, redis or a node of Kafka."""
        with self.lock:
            if name not in self.proxies:
                if name.startswith("kafka"):
                    self._kafka_proxies("kafka3" if name.startswith("kafka3") else "kafka")
                else:
                    self.proxies[name] = Proxy(self.loop, self.port(name))
            return self.proxies[name]

    def _kafka_proxies(self, cluster):
        ports = {}
        for node in self.nodes(cluster):
            p = self.proxies[node] = Proxy(self.loop, self.port(node), ports)
            ports[p.target] = p.port

    def proxied_brokers(self, cluster):
        return ",".join(f"127.0.0.1:{self.proxy(n).port}" for n in self.nodes(cluster))

    def calm(self):
        for p in self.proxies.values():
            p.calm()

    # ---- Redis' past

    def redis_files(self):
        return os.path.join(self.folder, "redis", "appendonlydir")

    def redis_snapshot(self, to):
        """A copy of the append-only files as they are now, perhaps in the middle of a command: what a backup has. Redis
        exchanges them from time to time; a copy is of files that were there together."""
        manifest = os.path.join(self.redis_files(), "appendonly.aof.manifest")
        for _ in range(100):
            shutil.rmtree(to, ignore_errors=True)
            try:
                with open(manifest, "rb") as f:
                    before = f.read()
                shutil.copytree(self.redis_files(), to)
                with open(manifest, "rb") as f:
                    if f.read() == before:
                        return
            except (OSError, shutil.Error):
                pass
            time.sleep(0.1)
        raise Failure("Redis exchanges its files all the time")

    def redis_restart(self, snapshot=None, truncate=0):
        """Killed; then from an older copy, or without its last bytes."""
        self.nobody_beside("redis")
        self.sh("stop", "redis", "KILL")
        if snapshot:
            shutil.rmtree(self.redis_files())
            shutil.copytree(snapshot, self.redis_files())
        if truncate:
            tails = [f for f in os.listdir(self.redis_files()) if f.endswith(".incr.aof")]
            path = os.path.join(self.redis_files(), max(tails, key=lambda f: int(f.split(".")[2])))
            size = os.path.getsize(path)
            os.truncate(path, max(0, size - truncate))
        self.sh("start", "redis")
