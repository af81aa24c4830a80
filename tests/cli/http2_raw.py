"""What a client of HTTP/2 may do to hta-http (tests/mock) with h2=1, by frames: http2_raw.py PORT CHECK...

The checks are the functions below; the server's settings that they want stand with them. Failures are told by their
assertion; exit 1 if there are any.
"""
import socket
import struct
import sys

DATA, HEADERS, RST, SETTINGS, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 7, 8, 9
END_STREAM, END_HEADERS = 1, 4
port = int(sys.argv[1])


def text(s):
    return bytes([len(s)]) + s.encode() if len(s) < 127 else b"\x7f" + varint(len(s) - 127) + s.encode()


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n % 128 + 128])
        n //= 128
    return out + bytes([n])


def block(path, method="GET", more=(), host="localhost"):
    """Literal fields that no table keeps."""
    fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", host), *more]
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


class Client:
    def __init__(self, window=65535):
        self.s = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.s.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        self.send(SETTINGS, 0, 0, struct.pack(">HI", 4, window))

    def send(self, kind, flags, stream, payload=b""):
        self.s.sendall(struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)

    def get(self, stream, path, **more):
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, block(path, **more))

    def frames(self):
        """(kind, flags, stream, payload) until the end."""
        while head := self.read(9):
            kind, flags, stream = head[3], head[4], struct.unpack(">I", head[5:])[0]
            yield kind, flags, stream, self.read(int.from_bytes(head[:3], "big"))

    def read(self, n):
        got = b""
        while len(got) < n:
            try:
                piece = self.s.recv(n - len(got))
            except ConnectionResetError:
                return b""
            if not piece:
                return b""
            got += piece
        return got

    def until(self, wanted, stream):
        """The payload of the first frame of that kind and stream."""
        for kind, _, at, payload in self.frames():
            if (kind, at) == (wanted, stream):
                return payload
        raise AssertionError(f"the end came before a frame {wanted} of stream {stream}")


def code(payload):
    return struct.unpack(">I", payload[-4:])[0]


def goaway(client):
    return struct.unpack(">I", client.until(GOAWAY, 0)[4:8])[0]


def bodies(client, *streams):
    """What these are answered, None for one that was reset."""
    got, left = dict.fromkeys(streams, b""), set(streams)
    frames = client.frames()
    while left:
        kind, flags, at, payload = next(frames)
        if at not in left:
            continue
        if kind == DATA:
            got[at] += payload
        if kind == RST:
            got[at] = None
        if kind == RST or (kind in (DATA, HEADERS) and flags & END_STREAM):
            left.remove(at)
    return [got[s] for s in streams]


def body(client, stream):
    return bodies(client, stream)[0]


def order():
    """Answers come as they are ready."""
    c = Client()
    c.get(1, "/late?ms=500")
    c.get(3, "/items/now")
    assert body(c, 3) == b"now"
    assert body(c, 1) == b"late\n"


def doubtful():
    """What the reader of heads refuses is refused here too, what is no HTTP/2 reset, and the connection goes on."""
    c = Client()
    cases = [
        (400, block("/items/%zz")), (None, block("/items/a b")), (None, block("/items/a", host="a b")),
        (None, block("/items/a", more=[("connection", "close")])), (None, block("/items/a", more=[("A", "b")])),
        (None, block("/items/a", more=[("x", "a\rb")])), (400, block("/items/a", more=[("host", "other")])), (414, block("/" + "a" * 9000)),
        (431, block("/items/a", more=[(f"x{i}", "y") for i in range(101)])),
        (431, block("/items/a", more=[("x", "y" * 15000), ("z", "y" * 15000)])), (404, block("/nothing")),
        (421, block("/items/a", host="evil.test")), (200, block("/items/a", more=[("host", "localhost")])),
    ]
    for i, (want, fields) in enumerate(cases):
        stream = 2 * i + 1
        for at in range(0, len(fields), 16384):
            last = at + 16384 >= len(fields)
            c.send(CONTINUATION if at else HEADERS, (END_HEADERS if last else 0) | (0 if at else END_STREAM), stream,
                   fields[at:at + 16384])
        got = body(c, stream)
        good = got is None if want is None else got == b"a" if want == 200 else got and b'"status":%d' % want in got
        assert good, f"{want} {fields[:100]}: {got}"


def resets():
    """Requests that are reset while a handler has them are bounded."""
    c = Client()
    try:
        for i in range(300):
            c.get(2 * i + 1, "/late?ms=1000")
            c.send(RST, 0, 2 * i + 1, struct.pack(">I", 8))
    except OSError:
        pass
    assert goaway(c) == 11


def left():
    """A client that leaves while handlers have its requests."""
    c = Client()
    for i in range(20):
        c.get(2 * i + 1, "/late?ms=300")
    c.get(99, "/stats")
    body(c, 99)
    c.s.close()


def slow_head():
    """head=1000"""
    c = Client()
    c.send(HEADERS, END_STREAM, 1, block("/items/a"))
    assert goaway(c) == 11


def slow_body():
    """body=1000"""
    c = Client()
    c.send(HEADERS, END_HEADERS, 1, block("/count", "POST", [("content-type", "application/json")]))
    c.send(DATA, 0, 1, b"{")
    assert b'"status":408' in body(c, 1)


def idle():
    """idle=1000"""
    assert goaway(Client()) == 0


def stalled():
    """stall=1000: a window that stays shut."""
    c = Client(window=10)
    c.get(1, "/stream?n=100000")
    assert code(c.until(RST, 1)) == 8
    c.get(3, "/items/a")
    assert body(c, 3) == b"a"


def budget():
    """budget=1000000: what is beyond is refused, what is below goes on."""
    c = Client()
    for stream in 1, 3, 5:
        c.send(HEADERS, END_HEADERS, stream, block("/echo", "POST"))
    for i in range(100):
        for stream in 1, 3, 5:
            c.send(DATA, 0, stream, b"x" * 1000)
    big = Client(window=1 << 20)
    big.send(HEADERS, END_HEADERS, 1, block("/echo", "POST"))
    try:
        for i in range(100):
            big.send(DATA, 0, 1, b"x" * 10000)
            if i % 20 == 19:
                big.until(WINDOW, 1)
    except AssertionError:
        pass
    refused = body(big, 1)
    assert b'"status":503' in refused, refused
    for stream in 1, 3, 5:
        c.send(DATA, END_STREAM, stream)
    c.send(WINDOW, 0, 0, struct.pack(">I", 1 << 24))
    for stream in 1, 3, 5:
        c.send(WINDOW, 0, stream, struct.pack(">I", 1 << 24))
    assert bodies(c, 1, 3, 5) == [b"x" * 100000] * 3


for check in sys.argv[2:]:
    globals()[check]()
