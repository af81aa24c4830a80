"""Requests that two readers could take for different ones, by raw sockets: http_raw.py SERVER [PROXY], two ports;
over TLS where HTTP_CA names the file of who signed for it.

Each payload is sent with an ordinary request behind it on the same connection. Without PROXY: the statuses that come
back are those of the table, and a connection whose request was refused has ended, so that what stood behind it was not
served. With PROXY, which hands on to SERVER: a client sees as many answers of 200 as SERVER has served requests.
Failures are told; exit 1 if there are any.
"""
import os
import re
import socket
import ssl
import sys

HOST = b"Host: localhost\r\n"
POST = b"POST /count HTTP/1.1\r\n" + HOST
BEHIND = POST + b"Content-Length: 2\r\n\r\nhi"
SMUGGLED = POST + b"Content-Length: 2\r\n\r\nno"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def chunks(first, rest=b"\r\nhello\r\n0\r\n\r\n"):
    return POST + CHUNKED + b"\r\n" + first + rest


# name, statuses, bytes
TABLE = [
    ("plain", "200 200", POST + b"Content-Length: 5\r\n\r\nhello"),
    ("chunked", "200 200", chunks(b"5")),
    ("chunked with an extension and a trailer", "200 200", chunks(b"5;a=b", b"\r\nhello\r\n0\r\nA: b\r\n\r\n")),
    ("two different lengths", "400", POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    ("two equal lengths", "400", POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"),
    ("length 5, 5", "400", POST + b"Content-Length: 5, 5\r\n\r\nhello"),
    ("length +5", "400", POST + b"Content-Length: +5\r\n\r\nhello"),
    ("length 0x5", "400", POST + b"Content-Length: 0x5\r\n\r\nhello"),
    ("length 5 and more", "400", POST + b"Content-Length: 5 \x0b\r\n\r\nhello"),
    ("length in Arabic digits", "400", POST + b"Content-Length: \xd9\xa5\r\n\r\nhello"),
    ("length and chunked", "400", POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED),
    ("chunked and length", "400", POST + CHUNKED + b"Content-Length: 200\r\n\r\n0\r\n\r\n" + SMUGGLED),
    ("xchunked and length", "400", POST + b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\nhello"),
    ("a vertical tab before chunked", "400", POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a blank before TE's colon", "400", POST + b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    ("chunked, gzip", "400", POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    ("gzip, chunked", "501", POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("chunked twice", "400", POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n"),
    ("chunked and identity", "400", POST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"),
    ("chunked in HTTP/1.0", "400", b"POST /count HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n"),
    ("chunk size 0x5", "400", chunks(b"0x5")),
    ("chunk size +5", "400", chunks(b"+5")),
    ("chunk size with a blank", "400", chunks(b"5 ")),
    ("chunk size of 17 digits", "400", chunks(b"00000000000000005")),
    ("chunk size beyond 64 bits", "400", chunks(b"10000000000000005")),
    ("chunk size with LF", "400", chunks(b"5", b"\nhello\r\n0\r\n\r\n")),
    ("chunk with LF behind it", "400", chunks(b"5", b"\r\nhello\n0\r\n\r\n")),
    ("chunk longer than its size", "400", chunks(b"5", b"\r\nhello!\r\n0\r\n\r\n")),
    ("chunk extension with LF", "400", chunks(b"5;a\nb")),
    ("trailer without a colon", "400", chunks(b"5", b"\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n")),
    ("LF alone", "400", (POST + b"Content-Length: 5\r\n\r\nhello").replace(b"\r\n", b"\n")),
    ("LF behind a field", "400", POST + b"A: b\nContent-Length: 5\r\n\r\nhello"),
    ("a folded field", "400", POST + b"A: b\r\n Content-Length: 5\r\n\r\n"),
    ("NUL in a value", "400", POST + b"A: b\0\r\nContent-Length: 5\r\n\r\nhello"),
    ("CR in a value", "400", POST + b"A: b\rContent-Length: 5\r\n\r\nhello"),
    ("CR before CR LF", "400", POST + b"A: b\r\r\nContent-Length: 5\r\n\r\nhello"),
    ("a blank before the colon", "400", POST + b"Content-Length : 5\r\n\r\nhello"),
    ("no name", "400", POST + b": b\r\nContent-Length: 5\r\n\r\nhello"),
    ("no Host", "400", b"POST /count HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"),
    ("two Host", "400", POST + HOST + b"Content-Length: 5\r\n\r\nhello"),
    ("another host in the target", "400",
     b"POST http://evil/count HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"),
    ("the same host in the target", "200 200",
     b"POST http://localhost/count HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"),
    ("a Host that is none", "400", b"POST /count HTTP/1.1\r\nHost: a/b\r\nContent-Length: 5\r\n\r\nhello"),
    ("two blanks in the line", "400", b"POST  /count HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"),
    ("HTTP/0.9", "400", b"GET /stats\r\n"),
    ("HTTP/2", "505", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("TLS", "400", b"\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03"),
    ("a body of GET", "413 200", b"GET /stats HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"),
    ("a head of 20 KB", "431", POST + b"A: " + b"a" * 20000 + b"\r\n\r\n"),
    ("a target of 9 KB", "414", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    ("101 fields", "431", POST + b"A: b\r\n" * 101 + b"\r\n"),
    ("an unknown path with its body", "404 200", b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n\r\nhello"),
    ("an unknown path, its body to come", "404",
     b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 5000\r\n\r\nhello"),
    ("ten at once", "200 " * 10 + "200", (POST + b"Content-Length: 5\r\n\r\nhello") * 10),
    ("a late one", "200 200", b"GET /late?ms=50 HTTP/1.1\r\n" + HOST + b"\r\n"),
]


def statuses(answers):
    """Of whole answers, one after the other, and whether something is left."""
    got = []
    while match := re.match(rb"HTTP/1\.1 (\d+) [^\r]*\r\n(.*?)\r\n\r\n", answers, re.S):
        length = re.search(rb"(?i)^content-length: (\d+)\r?$", match[2], re.M)
        size = match.end() + (int(length[1]) if length else 0)
        if len(answers) < size:
            break
        got.append(match[1].decode())
        answers = answers[size:]
    return got, answers


def connect(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=60)
    if "HTTP_CA" not in os.environ:
        return s
    return ssl.create_default_context(cafile=os.environ["HTTP_CA"]).wrap_socket(s, server_hostname="localhost")


def exchange(port, payload, want=0):
    """What is answered, until the connection ends or `want` answers are there and nothing follows."""
    answers, ended = b"", False
    with connect(port) as s:
        s.sendall(payload)
        while True:
            s.settimeout(0.2 if want and len(statuses(answers)[0]) >= want else 60)
            try:
                piece = s.recv(65536)
            except TimeoutError:
                break
            if not piece:
                ended = True
                break
            answers += piece
    return answers, ended


def check_direct(port):
    for name, want, payload in TABLE:
        want = want.split()
        answers, ended = exchange(port, payload + BEHIND, len(want))
        got, rest = statuses(answers)
        if got != want or rest or ended != (want[-1] != "200"):
            yield f"{name}: {' '.join(got)}, {'ended' if ended else 'open'}, {rest[:80]!r} left; not {' '.join(want)}"


def served(port):
    """How many /count there were before this one."""
    answers, _ = exchange(port, POST + b"Connection: close\r\nContent-Length: 2\r\n\r\nhi")
    return int(re.search(rb'"requests":(\d+)', answers)[1]) - 1


def check_proxy(port, proxy):
    before = served(port) + 1
    for name, _, payload in TABLE:
        end = BEHIND.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        answers, _ = exchange(proxy, payload + end)
        seen = len(re.findall(rb'"requests":\d+', answers))
        after = served(port)
        if after - before != seen:
            yield f"{name}: the server saw {after - before} requests, the client {seen} answers: {answers[:200]!r}"
        before = after + 1


def main():
    ports = [int(p) for p in sys.argv[1:]]
    failures = list(check_direct(*ports) if len(ports) == 1 else check_proxy(*ports))
    print(*failures, sep="\n", end="\n" if failures else "")
    sys.exit(bool(failures))


main()
