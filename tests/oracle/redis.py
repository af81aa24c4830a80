"""Redis, read in one script, by the names of keys that hta-sink-redis(1) documents."""
import socket

from . import Failure, Mismatch
from .rows import Row, Snapshot, stored_key
from .values import seconds_of_stored

KEYS = """
local out = {}
for _, k in ipairs(redis.call('KEYS', ARGV[1] .. ':*')) do
  local t = redis.call('TYPE', k).ok
  if t == 'hash' then out[#out + 1] = {k, redis.call('HGETALL', k)}
  elseif t == 'zset' then out[#out + 1] = {k, redis.call('ZRANGE', k, 0, -1, 'WITHSCORES')}
  elseif t == 'string' then out[#out + 1] = {k, redis.call('GET', k)} end
end
return out"""


class Resp:
    """A Redis client of twenty lines."""

    def __init__(self, port, db=0, host="127.0.0.1"):
        self.s = socket.create_connection((host, port), timeout=60)
        self.f = self.s.makefile("rb")
        if db:
            self("SELECT", db)

    def __call__(self, *args):
        out = [b"*%d\r\n" % len(args)]
        for a in args:
            a = a if isinstance(a, bytes) else str(a).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(a), a))
        self.s.sendall(b"".join(out))
        return self.read()

    def read(self):
        line = self.f.readline()
        if not line:
            raise ConnectionError("redis has closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise Failure("redis: " + rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if int(rest) < 0 else self.f.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return rest

    def close(self):
        self.f.close()
        self.s.close()


class Redis:
    """The keys that begin with {prefix}."""

    def __init__(self, port, number=0, prefix="hta"):
        self.port, self.number, self.prefix = port, number, "{%s}" % prefix

    def client(self):
        return Resp(self.port, self.number)

    def _ask(self, *command):
        c = self.client()
        try:
            return c(*command)
        finally:
            c.close()

    def _keys(self):
        """{kind: {rest of the key: content}}; a hash is a dict of texts, an ordered set {member: score}."""
        kinds = {}
        for key, content in self._ask("EVAL", KEYS, 0, self.prefix):
            kind, _, rest = key.decode()[len(self.prefix) + 1:].partition(":")
            if isinstance(content, list):
                texts = [x.decode("utf-8", "surrogateescape") for x in content]     # sketches of measures are bytes
                content = dict(zip(texts[::2], texts[1::2]))
            kinds.setdefault(kind, {})[rest] = content
        return kinds

    def rows(self):
        return rows_of(self._keys())

    def check_estimates(self):
        """Raises where a row's uniq is not Redis' own count of the sketch beside it."""
        c = self.client()
        try:
            for rest, h in self._keys().get("r", {}).items():
                counted = c("PFCOUNT", f"{self.prefix}:u:{rest}") if "uniq" in h else None
                if counted is not None and counted != int(h["uniq"]):
                    raise Mismatch(f"redis: {rest} has uniq {h['uniq']}, PFCOUNT says {counted}")
        finally:
            c.close()

    def positions(self, job, sink):
        """{partition: (init, next)}"""
        flat = [x.decode() for x in self._ask("HGETALL", f"{self.prefix}:pos:{job}:{sink}")]
        return {p: (int(f[0]), int(f[1])) for p, f in positions_of(dict(zip(flat[::2], flat[1::2])))}

    def snapshot(self, job, sink):
        s, kinds = Snapshot(), self._keys()
        mine = f"{job}:{sink}"
        s.gen = kinds.get("job", {}).get(mine, {}).get("generation")
        for p, f in positions_of(kinds.get("pos", {}).get(mine, {})):
            s.pos[p] = (int(f[0]), int(f[1]))
            if f[5] != "-":
                s.marks[p] = int(f[5]) / 1e6
        s.rows = rows_of(kinds)
        check_index(kinds)
        return s


def positions_of(h):
    return [(int(where.rsplit("/", 1)[1]), text.split()) for where, text in h.items()]


def rows_of(kinds):
    out = {}
    for rest, h in kinds.get("r", {}).items():
        key = stored_key(h["metric"], seconds_of_stored(h["window_start"]), h["dims"])
        if key in out:
            raise Mismatch(f"two rows of one key: {key}")

        def whole(name):
            return int(h[name]) if name in h else None
        out[key] = Row(int(h["count"]), whole("value_count"), h.get("sum"), h.get("min"), h.get("max"), h["dims_hash"],
                       whole("uniq"), kinds.get("u", {}).get(rest))
    return out


def check_index(kinds):
    """Each row stands in its window's index with its count, and nothing else does."""
    counts = {rest: int(h["count"]) for rest, h in kinds.get("r", {}).items()}
    for window, members in kinds.get("i", {}).items():
        for member, score in members.items():
            if counts.pop(f"{window}:{member}", None) != int(float(score)):
                raise Mismatch(f"redis: the index {window} has {member} with {score}, its row says otherwise")
    if counts:
        raise Mismatch(f"redis: {len(counts)} rows are not in their window's index, such as {next(iter(counts))}")
