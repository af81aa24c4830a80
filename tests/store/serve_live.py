"""/live-stats of hta-serve with python3-websockets as peer: serve_live.py URL CHECK...

The checks are the functions below. The server pushes each second; it has the rules hits and visits.
Failures are told by their assertion; exit 1 if there are any.
"""
import asyncio
import base64
import json
import os
import select
import socket
import sys
import time

import websockets

CLIENTS = 1000
url = sys.argv[1].replace("http", "ws", 1) + "/live-stats"
port = int(url.split(":")[2].split("/")[0])


def subscribe(*rules):
    return json.dumps({"subscribe_rules": rules})


async def message(ws):
    return json.loads(await asyncio.wait_for(ws.recv(), 60))


async def closes_with(ws, code):
    try:
        while True:
            await asyncio.wait_for(ws.recv(), 60)
    except websockets.ConnectionClosed as end:
        assert end.rcvd and end.rcvd.code == code, f"{end}, not {code}"


def in_pairs(told):
    return all(sorted(told[i:i + 2]) == ["hits", "visits"] for i in range(0, len(told), 2))


async def pushes():
    """Told at once, then at each second of the clock; another set takes the place of the first."""
    async with websockets.connect(url) as ws:
        await ws.send(subscribe("visits"))
        first = await message(ws)
        assert list(first) == ["rule_id", "timestamp", "data"] and first["rule_id"] == "visits", first
        assert len(first["timestamp"]) == 20 and first["timestamp"].endswith("Z"), first
        assert first["data"][0][0] == "2026-01-01T00:02:00" and len(first["data"][0]) == 3, first
        assert [row[2] for row in first["data"]] == sorted((row[2] for row in first["data"]), reverse=True), first
        late = []
        while len(late) < 2 or max(sorted(late)[:2]) >= 0.7:    # beside others this client may be late itself
            assert len(late) < 10, late
            pushed = await message(ws)
            late.append(time.time() % 1)
            assert pushed["data"] == first["data"] and pushed["timestamp"] >= first["timestamp"], pushed
        await ws.send(subscribe("hits", "visits", "hits"))
        told = [(await message(ws))["rule_id"] for _ in range(6)]
        if not in_pairs(told):
            told = told[1:] + [(await message(ws))["rule_id"]]  # the first was of the first set, on its way before the second came
        assert in_pairs(told), told
        await ws.send(subscribe())
        await asyncio.sleep(0.3)
        try:
            while True:
                await asyncio.wait_for(ws.recv(), 1.5)
                told.append("late")
                assert len(told) < 12, "pushed though nothing is subscribed"
        except asyncio.TimeoutError:
            pass


async def refusals():
    async with websockets.connect(url + "?rules=nosuch,visits") as ws:
        told = [await message(ws), await message(ws)]
        while not all(any(kind in m for m in told) for kind in ("rule_id", "error")) and len(told) < 5:
            told.append(await message(ws))
        errors = [m["error"] for m in told if "error" in m]
        assert len(errors) == 1 and errors[0]["code"] == "unknown-metric" and errors[0]["status"] == 404, told
        for text in "{}", "[]", '{"subscribe_rules":"a"}', '{"subscribe_rules":[1]}', '{"subscribe_rules":[""]}', "1":
            await ws.send(text)
            while "rule_id" in (got := await message(ws)):
                pass
            assert got["error"]["code"] == "no-subscription", got
        await ws.send(subscribe(*map(str, range(65))))
        while "rule_id" in (got := await message(ws)):
            pass
        assert got["error"]["code"] == "too-many-rules", got
        assert (await message(ws))["rule_id"] == "visits"
    for wrong, code in (b"binary", 1003), ("no JSON", 1007), ("x" * 16385, 1009):
        async with websockets.connect(url) as ws:
            await ws.send(wrong)
            await closes_with(ws, code)
    try:
        async with websockets.connect(url, origin="http://evil.example"):
            raise AssertionError("another site's page was let in")
    except websockets.InvalidStatusCode as end:
        assert end.status_code == 403, end


def dial(rule, receive=0):
    s = socket.socket()
    if receive:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
    s.connect(("127.0.0.1", port))
    s.sendall(f"GET /live-stats?rules={rule} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())
    return s


async def fan_out():
    """Many clients have a push soon after each other, though one of them stands still."""
    still = dial("hits", 4096)
    clients = {s.fileno(): s for s in (dial("visits") for _ in range(CLIENTS))}
    epoll = select.epoll()
    for fd in clients:
        epoll.register(fd, select.EPOLLIN)
    spans, skipped = [], 0
    while len(spans) < 4 or min(spans) >= 0.1 and len(spans) < 12:     # beside others this client may be late itself
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2)).encode()
        came = {}
        end = time.monotonic() + 10
        while len(came) < CLIENTS and time.monotonic() < end + (50 if came else 0):
            for fd, _ in epoll.poll(1):
                if stamp in clients[fd].recv(65536) and fd not in came:
                    came[fd] = time.monotonic()
        if not came and skipped < 3:    # beside others the server may sleep through a second
            skipped += 1
            continue
        assert len(came) == CLIENTS, f"{len(came)} of {CLIENTS} have {stamp}"
        spans.append(max(came.values()) - min(came.values()))
    print(f"# {CLIENTS} clients: the last has a push {sorted(spans)[2] * 1000:.0f} ms after the first", flush=True)
    assert min(spans) < 0.1, spans
    for s in clients.values():
        s.close()
    still.close()


async def keys():
    key = base64.urlsafe_b64encode(os.environ["KEY"].encode()).decode().rstrip("=")
    for offered in ["hta.live"], ["hta.live", "hta.key.eA"]:
        try:
            async with websockets.connect(url, subprotocols=offered):
                raise AssertionError(f"let in with {offered}")
        except websockets.InvalidStatusCode as end:
            assert end.status_code == 401, end
    async with websockets.connect(url + "?rules=visits", subprotocols=["hta.live", "hta.key." + key]) as ws:
        assert ws.subprotocol == "hta.live", ws.subprotocol
        assert (await message(ws))["rule_id"] == "visits"


async def drained():
    async with websockets.connect(url + "?rules=visits") as ws:
        await message(ws)
        print("open", flush=True)
        await closes_with(ws, 1001)


for check in sys.argv[2:]:
    asyncio.run(globals()[check]())
