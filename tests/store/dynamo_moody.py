"""A DynamoDB in a mood, before a real one: dynamo_moody.py PORT MOOD. Prints its port, and a line with the mood for each answer of its own. It checks the
signature of each request ("signature" is printed where one is wrong). MOOD is
undone    of each second batch some items are left undone, of the first three batches all
throttle  two of three writes are answered ProvisionedThroughputExceededException
errors    every third request is answered 500, 503 without JSON, or 200 with something that is no JSON, in turn
silent    a batch is written and answered, and the answer does not say what was left undone
cut       every third write is done, and its answer cut in the middle
skew      its clock is ten minutes ahead, and requests of another time are refused
step      the same, but only of writes: its clock has moved when they come
token     requests are refused for an expired token
refused   writes are refused for want of rights
lost      the first answer to what makes or changes a table is cut in the middle
filling   the first three times that somebody looks, an index is being made"""
import calendar
import email.utils
import hashlib
import hmac
import http.client
import http.server
import itertools
import json
import re
import sys
import time

REAL, MOOD = int(sys.argv[1]), sys.argv[2]
ID, SECRET, AHEAD = "hta", "right", 600
count, undone, cut = itertools.count(), itertools.count(), set()


def keyed(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def is_signed(request, body):
    """As the manual of Signature Version 4 has it."""
    m = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/dynamodb/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                     request.headers.get("Authorization", ""))
    if not m:
        return False
    who, day, region, names, signature = m.groups()
    when = request.headers["x-amz-date"]
    fields = "".join(f"{n}:{' '.join(request.headers[n].split())}\n" for n in names.split(";"))
    canonical = f"{request.command}\n{request.path}\n\n{fields}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{region}/dynamodb/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{when}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = keyed(keyed(keyed(keyed(b"AWS4" + SECRET.encode(), day), region), "dynamodb"), "aws4_request")
    return (who == ID and when.startswith(day) and {"host", "x-amz-date", "x-amz-target"} <= set(names.split(";"))
            and hmac.compare_digest(signature, keyed(key, text).hex()))


def error(code, status=400):
    return status, {}, json.dumps({"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": "moody & tired"}).encode()


def own_answer(request, body, action):
    """Status, fields and body, or None: the real server's."""
    n = next(count)
    write = action in ("BatchWriteItem", "PutItem")
    if MOOD == "throttle" and write and n % 3:
        return error("ProvisionedThroughputExceededException")
    if MOOD == "errors" and n % 3 == 0:
        return [error("InternalServerError", 500), (503, {}, b"<html>busy</html>"), (200, {}, b"hello")][n // 3 % 3]
    if MOOD == "silent" and action == "BatchWriteItem":
        return 200, {}, b"{}"
    if MOOD == "token":
        return error("ExpiredTokenException")
    if MOOD == "refused" and write:
        return error("AccessDeniedException")
    sent = request.headers.get("x-amz-date", "19700101T000000Z")
    if (MOOD == "skew" or MOOD == "step" and write) and abs(calendar.timegm(time.strptime(sent, "%Y%m%dT%H%M%SZ")) - time.time() - AHEAD) > 60:
        return error("InvalidSignatureException")
    return None


def leave_undone(body):
    """The batch without the items that stay, and those."""
    n, batch = next(undone), json.loads(body)
    if n >= 3 and n % 2:
        return body, {}
    (table, items), = batch["RequestItems"].items()
    keep = [] if n < 3 else items[n % 7::3]
    left = [i for i in items if i not in keep]
    return json.dumps({"RequestItems": {table: keep}}).encode() if keep else b"", {table: left} if left else {}


class Moody(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + AHEAD, usegmt=True)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        action = self.headers.get("X-Amz-Target", ".").split(".")[1]
        if not is_signed(self, body):
            print("signature", flush=True)
            self.reply(*error("InvalidSignatureException"))
            return
        own = own_answer(self, body, action)
        if own:
            print(MOOD, flush=True)
            self.reply(*own)
            return
        left = {}
        if MOOD == "undone" and action == "BatchWriteItem":
            body, left = leave_undone(body)
        status, answer = self.real(body, action) if body else (200, b"{}")
        if left:
            print(MOOD, flush=True)
            answer = json.dumps(json.loads(answer) | {"UnprocessedItems": left}).encode()
        if MOOD == "filling" and action == "DescribeTable" and b"by_day" in answer and next(undone) < 3:
            print(MOOD, flush=True)
            answer = answer.replace(b'"IndexStatus":"ACTIVE"', b'"IndexStatus":"CREATING"', 1)
        lost = MOOD == "lost" and action.startswith(("Create", "Update")) and body not in cut
        if lost or MOOD == "cut" and action in ("BatchWriteItem", "PutItem") and next(undone) % 3 == 0:
            cut.add(body)
            print(MOOD, flush=True)
            self.reply(status, {}, answer[:len(answer) // 2], len(answer))
            self.close_connection = True
            return
        self.reply(status, {}, answer)

    def real(self, body, action):
        c = http.client.HTTPConnection("127.0.0.1", REAL)
        c.request("POST", "/", body, {n: self.headers[n] for n in ("Content-Type", "X-Amz-Target", "X-Amz-Date", "Authorization")})
        got = c.getresponse()
        answer = got.read()
        c.close()
        return got.status, answer

    def reply(self, status, fields, body, length=None):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Moody)
print(server.server_address[1], flush=True)
server.serve_forever()
