"""A DynamoDB that takes everything at once and keeps nothing, to see what the sink costs: dynamo_taker.py. Prints its port, and, for each GET, how many items
it was given."""
import asyncio
import json

KEYS = {"events": ["event_id", "timestamp"], "by_type": ["event_type", "timestamp"], "by_user": ["user_id", "timestamp"], "by_day": ["day", "timestamp"],
        "dead": ["id"]}
items = 0


def keys(name):
    return [{"AttributeName": n, "KeyType": k} for n, k in zip(KEYS[name], ("HASH", "RANGE"))]


def answer(body):
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def table(dead):
    return answer(json.dumps({"Table": {"TableStatus": "ACTIVE", "KeySchema": keys("dead" if dead else "events"), "GlobalSecondaryIndexes": [
        {"IndexName": n, "IndexStatus": "ACTIVE", "KeySchema": keys(n)} for n in ("by_type", "by_user", "by_day")]}}).encode())


TAKEN, ALIVE, DEAD = answer(b'{"UnprocessedItems":{}}'), table(False), table(True)


class Taker(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.bytes = transport, bytearray()

    def data_received(self, data):
        global items
        self.bytes += data
        while (end := self.bytes.find(b"\r\n\r\n")) >= 0:
            head = bytes(self.bytes[:end]).lower() + b"\r\n"
            at = head.find(b"content-length: ")
            length = int(head[at + 16:head.index(b"\r", at)]) if at >= 0 else 0
            if len(self.bytes) < end + 4 + length:
                return
            body = self.bytes[end + 4:end + 4 + length]
            del self.bytes[:end + 4 + length]
            if head.startswith(b"get"):
                print(items, flush=True)
            items += body.count(b'{"PutRequest":')
            self.transport.write((DEAD if b"_dead" in body else ALIVE) if b"describetable" in head else TAKEN)


async def main():
    server = await asyncio.get_running_loop().create_server(Taker, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
