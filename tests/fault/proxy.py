"""A TCP proxy that does what networks do: cut connections now, after N bytes, at a COMMIT before, inside or after the server has it, refuse, stall.

Kafka's clients follow the addresses that the brokers name. With `ports` the answers are rewritten: 127.0.0.1 with a broker's port becomes the
port of its proxy (both have the same length, and the protocol has no checksums outside of record batches)."""
import asyncio
import os
import socket
import struct
import threading

HOST = b"127.0.0.1"
SMALL = 256 << 10       # an answer with addresses is smaller


class Loop:
    """All proxies live in one thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)


def abort(writer):
    """A reset, not an orderly end."""
    s = writer.get_extra_info("socket")
    if s is not None:
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()


class Proxy:
    def __init__(self, loop, port, ports=None):
        self.loop = loop
        self.target = port
        self.ports = ports              # {real port: proxy's port}, shared with the proxies of the other brokers
        self.pairs = set()
        self.refusing = False
        self.go = asyncio.Event()
        self.left = None                # bytes until the cut
        self.pattern = None             # (bytes, "before" | "inside" | "after")
        self.asked = 0                  # cuts by bytes or pattern that were asked for
        self.hits = 0                   # those that have happened
        self.on_hit = None              # called at the next one
        self.server = loop.call(self._listen())
        self.port = self.server.sockets[0].getsockname()[1]

    async def _listen(self):
        self.go.set()
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    # ---- faults, from any thread

    def cut(self):
        self.loop.loop.call_soon_threadsafe(self._cut)

    def cut_after(self, n, on_hit=None):
        self.asked += 1
        self.left, self.on_hit = n, on_hit

    def cut_on(self, pattern, when, on_hit=None):
        self.asked += 1
        self.pattern, self.on_hit = (pattern, when), on_hit

    def refuse(self, yes=True):
        self.refusing = yes
        if yes:
            self.cut()

    def stall(self, yes=True):
        self.loop.loop.call_soon_threadsafe(self.go.clear if yes else self.go.set)

    def calm(self):
        self.left = self.pattern = self.on_hit = None
        self.refusing = False
        self.stall(False)

    # ---- relaying

    def _hit(self):
        self.hits += 1
        if self.on_hit:
            self.on_hit()
        self.on_hit = None

    def _cut(self):
        for pair in list(self.pairs):
            for w in pair:
                abort(w)

    async def _accept(self, reader, writer):
        if self.refusing:
            abort(writer)
            return
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            abort(writer)
            return
        if self.refusing:    # since it was let in
            abort(up_writer)
            abort(writer)
            return
        pair = (writer, up_writer)
        self.pairs.add(pair)
        to_server = asyncio.ensure_future(self._relay(reader, up_writer, pair, True))
        await self._relay(up_reader, writer, pair, False)
        to_server.cancel()
        self.pairs.discard(pair)
        for w in pair:
            w.transport.abort()

    async def _relay(self, reader, writer, pair, up):
        frames = Frames(self.ports) if self.ports and not up else None
        try:
            while True:
                data = await reader.read(1 << 16)
                await self.go.wait()
                if not data:
                    break
                if frames:
                    data = frames.feed(data)
                if not await self._forward(data, writer, pair, up):
                    return
            if writer.can_write_eof():
                writer.write_eof()
        except (OSError, RuntimeError):
            abort(writer)

    async def _forward(self, data, writer, pair, up):
        pattern = self.pattern
        if up and pattern and pattern[0] in data:
            self.pattern = None
            self._hit()
            if pattern[1] == "inside":
                data = data[:data.index(pattern[0]) + len(pattern[0]) // 2]
            if pattern[1] == "after":
                writer.write(data)
                await writer.drain()
                abort(pair[0])          # the client hears nothing; the server has all of it
                await asyncio.sleep(0.1)
                pair[1].close()
            elif pattern[1] == "inside":
                writer.write(data)
                await writer.drain()
                abort(pair[0])
                writer.transport.abort()
            else:
                for w in pair:
                    abort(w)
            return False
        if self.left is not None:
            take = data[:self.left]
            self.left -= len(take)
            if self.left == 0:
                self.left = None
                self._hit()
                writer.write(take)
                await writer.drain()
                for w in pair:
                    w.transport.abort() if w is writer else abort(w)
                return False
        writer.write(data)
        await writer.drain()
        return True


class Frames:
    """Kafka's answers: a length of four bytes, then so many bytes. Small ones are held until they are whole, and rewritten."""

    def __init__(self, ports):
        self.ports = ports
        self.held = b""
        self.skip = 0           # of a large frame under way

    def feed(self, data):
        out = []
        data = self.held + data
        self.held = b""
        while data:
            if self.skip:
                out.append(data[:self.skip])
                self.skip -= len(out[-1])
                data = data[len(out[-1]):]
                continue
            if len(data) < 4:
                self.held = data
                break
            size = 4 + struct.unpack(">I", data[:4])[0]
            if size > SMALL:
                self.skip = size
            elif len(data) < size:
                self.held = data
                break
            else:
                out.append(self.rewrite(data[:size]))
                data = data[size:]
        return b"".join(out)

    def rewrite(self, frame):
        if HOST in frame:
            for real, ours in self.ports.items():
                frame = frame.replace(HOST + struct.pack(">i", real), HOST + struct.pack(">i", ours))
        return frame


