"""An S3 server in a mood, before a real one: s3_moody.py PORT MOOD. Prints its port, and a line for each answer of its own. MOOD is
slow    every third request is answered 503 SlowDown
skew    its clock is ten minutes ahead, and requests of another time are refused
region  requests signed for another region than us-east-1 are sent there
late    every second CompleteMultipartUpload is answered 200, with blanks and then an error in the body
token   the first three requests are refused for an expired token
linger  of the parts of epochs the first four are taken late; of those behind them each share's first at once, the others later still
etag    says another ETag of a part of an epoch than the one that it has
mute    deletions of parts of epochs are not answered"""
import email.utils
import http.client
import http.server
import itertools
import re
import sys
import time
import calendar

REAL, MOOD = int(sys.argv[1]), sys.argv[2]
count = itertools.count()
AHEAD = 600


def error(code):
    return b"<?xml version=\"1.0\"?>\n<Error><Code>" + code.encode() + b"</Code><Message>moody &amp; tired</Message></Error>"


def own_answer(request, body):
    """Status, fields and body, or None: the real server's."""
    auth = request.headers.get("Authorization", "")
    sent = request.headers.get("x-amz-date", "19700101T000000Z")
    if MOOD == "slow" and next(count) % 3 == 0:
        return 503, {}, error("SlowDown")
    if MOOD == "skew" and abs(calendar.timegm(time.strptime(sent, "%Y%m%dT%H%M%SZ")) - time.time() - AHEAD) > 60:
        return 403, {}, error("RequestTimeTooSkewed")
    if MOOD == "region" and not re.search(r"/us-east-1/s3/", auth):
        return 301, {"x-amz-bucket-region": "us-east-1"}, error("PermanentRedirect")
    if MOOD == "late" and b"<CompleteMultipartUpload>" in body and next(count) % 2 == 0:
        return 200, {}, b" \n \n" + error("InternalError")
    if MOOD == "token" and next(count) < 3:
        return 400, {}, error("ExpiredToken")
    return None


def linger(path):
    print(MOOD, path, flush=True)
    if next(count) < 4:
        time.sleep(1.5)
    elif not path.endswith(".0"):
        time.sleep(3)


class Moody(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + AHEAD, usegmt=True)

    def any(self):
        if MOOD == "linger" and self.command == "PUT" and ".parts/" in self.path:
            linger(self.path)
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return
        own = own_answer(self, body)
        if own:
            print(MOOD, flush=True)
            self.reply(*own)
            return
        if MOOD == "mute" and self.command == "DELETE" and ".parts/" in self.path:
            print(MOOD, self.path, flush=True)
            time.sleep(300)
        real = http.client.HTTPConnection("127.0.0.1", REAL)
        real.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            real.putheader(name, value)
        real.endheaders(body)
        got = real.getresponse()
        if got.status == 400:
            print("refused", self.path, flush=True)
        keep = {n: v for n, v in got.getheaders() if n.lower() not in ("date", "server", "content-length", "connection", "transfer-encoding")}
        length = got.getheader("Content-Length") if self.command == "HEAD" else None
        if MOOD == "etag" and self.command == "PUT" and ".parts/" in self.path:
            keep = {n: v for n, v in keep.items() if n.lower() != "etag"} | {"ETag": '"none of it"'}
        self.reply(got.status, keep, got.read(), length)
        real.close()

    def reply(self, status, fields, body, length=None):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Moody)
print(server.server_address[1], flush=True)
server.serve_forever()
