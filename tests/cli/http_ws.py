"""WebSocket against hta-http (tests/mock) with python3-websockets as peer: http_ws.py PORT[/PREFIX] CHECK...;
over TLS where HTTP_CA names the file of who signed for it.

The checks are the functions below. Failures are told by their assertion; exit 1 if there are any.
"""
import asyncio
import contextlib
import os
import select
import socket
import ssl
import sys
import time
import urllib.request

import websockets

CLIENTS = int(os.environ.get("HTTP_CLIENTS", "1000"))
UPGRADE = (b"GET /live HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
place = sys.argv[1]
port = int(place.split("/")[0])
tls = ssl.create_default_context(cafile=os.environ["HTTP_CA"]) if "HTTP_CA" in os.environ else None
scheme = "https" if tls else "http"


def connect(path, **more):
    return websockets.connect(f"{'wss' if tls else 'ws'}://localhost:{place}{path}", ssl=tls, **more)


def push(body):
    urllib.request.urlopen(urllib.request.Request(f"{scheme}://localhost:{port}/push", body, method="POST"),
                           context=tls).close()


async def closes_with(ws, code):
    try:
        while True:
            await asyncio.wait_for(ws.recv(), 60)
    except websockets.ConnectionClosed as end:
        assert end.rcvd and end.rcvd.code == code, f"{end}, not {code}"


async def echo():
    for compression in None, "deflate":
        async with connect("/ws", compression=compression, max_size=1 << 20) as ws:
            names = [e.name for e in ws.extensions]
            assert names == (["permessage-deflate"] if compression else []), names
            for text in "", "a", "ä€🙂", "x" * 125, "x" * 126, "ab" * 8192, "".join(map(chr, range(32, 4000))):
                await ws.send(text)
                assert await ws.recv() == text, text[:20]
            await ws.send(["in ", "", "three ", "pieces"])
            assert await ws.recv() == "in three pieces"
            await (await ws.ping(b"x" * 125))
            await asyncio.gather(*(ws.send(str(i) * 50) for i in range(500)))
            for i in range(500):
                assert await ws.recv() == str(i) * 50


async def refusals():
    for compression in None, "deflate":
        for message, code in (b"binary", 1003), ("x" * 16385, 1009), ("x" * 10_000_000, 1009):
            async with connect("/ws", compression=compression, write_limit=1 << 30) as ws:
                with contextlib.suppress(websockets.ConnectionClosed):
                    await ws.send(message)
                await closes_with(ws, code)
    for path, headers, status in ("/ws", {"Origin": f"{scheme}://evil.test"}, 403), ("/stats", {}, 200):
        try:
            async with connect(path, extra_headers=headers):
                got = 101
        except websockets.InvalidStatusCode as refused:
            got = refused.status_code
        assert got == status, f"{path} {headers}: {got}"
    async with connect("/ws", subprotocols=["hta.live", "hta.key.c2VjcmV0"], origin=f"{scheme}://localhost:{port}") as ws:
        assert ws.subprotocol == "hta.live", ws.subprotocol
    ws = await connect("/ws")
    await ws.close(4000, "mine")
    assert ws.close_code == 4000, ws.close_code


async def drained():
    """Says "ready", then waits for the end."""
    async with connect("/live") as live, connect("/ws") as ws:
        print("ready", flush=True)
        await closes_with(live, 1001)
        await closes_with(ws, 1001)


async def unanswered():
    """ping=2000: the server pings, and ends a connection that says nothing."""
    async with connect("/ws") as ws:
        await asyncio.sleep(5)  # the library answers
        await ws.send("still")
        assert await ws.recv() == "still"
    s = dial()
    s.settimeout(60)
    got = b""
    while piece := s.recv(1000):
        got += piece
    assert got == b"\x89\0\x88\x09\x03\xf3no pong", got


# ---- fan-out, by sockets: what a library needs for 1,000 messages is longer than what is measured
def dial(**options):
    s = socket.socket()
    if options:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["receive"])
    s.connect(("127.0.0.1", port))
    if tls:
        s = tls.wrap_socket(s, server_hostname="localhost")
    s.sendall(UPGRADE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += s.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return s


def arrivals(clients, epoll, size):
    """When each of them has a frame of this size whole."""
    left = {fd: size for fd in clients}
    times = []
    while left:
        events = epoll.poll(60)
        assert events, f"{len(left)} wait in vain"
        for fd, _ in events:
            left[fd] -= len(clients[fd].recv(left[fd]))
            if not left[fd]:
                del left[fd]
                times.append(time.monotonic())
    return times


async def fan_out():
    slow = dial(receive=4096)
    clients = {s.fileno(): s for s in (dial() for _ in range(CLIENTS))}
    epoll = select.epoll()
    for fd in clients:
        epoll.register(fd, select.EPOLLIN)
    spans = []
    for i in range(20):
        push(b"r" * 10000)
        times = arrivals(clients, epoll, 10004)
        spans.append(max(times) - min(times))
    print(f"# 10 KB to {CLIENTS} clients: the last has it {sorted(spans)[10] * 1000:.0f} ms after the first,"
          f" at worst {max(spans) * 1000:.0f} ms")
    assert sorted(spans)[10] < 1, spans
    slow.settimeout(60)
    got = b""
    while piece := slow.recv(65536):
        got += piece
    assert got.endswith(b"\x88\x0a\x03\xf5too slow"), got[-20:]
    assert len(got) < 10 * 10004, len(got)


async def main():
    for check in sys.argv[2:]:
        await globals()[check]()


asyncio.run(main())
