"""What a DynamoDB has, asked over its protocol without a client library.

    python3 -B -m oracle.dynamo PORT items TABLE     every item, a line of JSON each, values without their types, by key
    python3 -B -m oracle.dynamo PORT ACTION BODY     the answer to any action"""
import http.client
import json
import sys

# DynamoDB Local wants a signature, and does not look at it.
AUTH = "AWS4-HMAC-SHA256 Credential=hta/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"


class Refused(Exception):
    pass


class Dynamo:
    def __init__(self, port):
        self.port = port

    def ask(self, action, body):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request("POST", "/", json.dumps(body), {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"DynamoDB_20120810.{action}",
                                                  "Authorization": AUTH, "X-Amz-Date": "20260101T000000Z"})
        r = c.getresponse()
        answer = json.loads(r.read())
        c.close()
        if r.status != 200:
            raise Refused(f"{action}: {r.status} {answer}")
        return answer

    def items(self, table):
        body, found = {"TableName": table, "ConsistentRead": True}, []
        while True:
            answer = self.ask("Scan", body)
            found += [{name: next(iter(value.values())) for name, value in item.items()} for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return found
            body["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def events(self, table):
        """Those that are events."""
        return [i for i in self.items(table) if "payload" in i]


def main():
    server, what, arg = Dynamo(int(sys.argv[1])), sys.argv[2], sys.argv[3]
    if what == "items":
        for line in sorted(json.dumps(i, sort_keys=True, ensure_ascii=False) for i in server.items(arg)):
            print(line)
    else:
        print(json.dumps(server.ask(what, json.loads(arg)), sort_keys=True))


if __name__ == "__main__":
    main()
