"""Rights of a cluster, one by one, over Kafka's own protocol: librdkafka 2.0 has none for transactional ids, and
Kafka's program takes a second a call.

    acls.py HOST:PORT list USER         a line each: TYPE PATTERN NAME OPERATION
    acls.py HOST:PORT add|drop USER TYPE PATTERN NAME OPERATION     only what the user is allowed
    acls.py HOST:PORT clear USER...
"""

import socket
import struct
import sys

DESCRIBE, CREATE, DELETE = 29, 30, 31
ANY, ALLOW = 1, 3
TYPES = {2: "topic", 3: "group", 4: "cluster", 5: "transactional-id"}
PATTERNS = {3: "literal", 4: "prefixed"}
OPERATIONS = {
    2: "All", 3: "Read", 4: "Write", 5: "Create", 6: "Delete", 7: "Alter", 8: "Describe", 9: "ClusterAction",
    10: "DescribeConfigs", 11: "AlterConfigs", 12: "IdempotentWrite",
}  # fmt: skip


def text(value):
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value.encode())) + value.encode()


class Answer:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        size = struct.calcsize(form)
        value = struct.unpack_from(form, self.data, self.at)[0]
        self.at += size
        return value

    def text(self):
        n = self.take(">h")
        if n < 0:
            return None
        self.at += n
        return self.data[self.at - n : self.at].decode()

    def check(self):
        code, message = self.take(">h"), self.text()
        if code:
            sys.exit(f"acls.py: error {code}: {message}")


def ask(place, key, body):
    host, port = place.rsplit(":", 1)
    request = struct.pack(">hhi", key, 1, 7) + text("acls") + body
    with socket.create_connection((host, int(port)), 60) as s:
        s.sendall(struct.pack(">i", len(request)) + request)
        f = s.makefile("rb")
        answer = Answer(f.read(struct.unpack(">i", f.read(4))[0]))
    answer.take(">i")  # correlation
    return answer


def filter_of(user, kind=ANY, pattern=ANY, name=None, operation=ANY):
    return struct.pack(">b", kind) + text(name) + struct.pack(">b", pattern) + text(f"User:{user}") + text("*") + \
        struct.pack(">bb", operation, ALLOW)  # fmt: skip


def rights(place, user):
    a = ask(place, DESCRIBE, filter_of(user))
    a.take(">i")  # throttle
    a.check()
    for _ in range(a.take(">i")):
        kind, name, pattern = a.take(">b"), a.text(), a.take(">b")
        for _ in range(a.take(">i")):
            a.text(), a.text()  # whose, from where
            operation = a.take(">b")
            a.take(">b")
            yield TYPES[kind], PATTERNS[pattern], name, OPERATIONS[operation]


def code_of(table, word):
    return next(code for code, name in table.items() if name == word)


def change(place, verb, user, kind, pattern, name, operation):
    kind, pattern, operation = code_of(TYPES, kind), code_of(PATTERNS, pattern), code_of(OPERATIONS, operation)
    body = filter_of(user, kind, pattern, name, operation)
    a = ask(place, CREATE if verb == "add" else DELETE, struct.pack(">i", 1) + body)
    a.take(">i")
    a.take(">i")
    a.check()


def main(place, verb, user, *more):
    if verb == "list":
        for line in rights(place, user):
            print(*line)
    elif verb == "clear":
        for name in user, *more:
            for line in list(rights(place, name)):
                change(place, "drop", name, *line)
    else:
        change(place, verb, user, *more)


main(*sys.argv[1:])
