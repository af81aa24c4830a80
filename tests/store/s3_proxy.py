"""A proxy before an S3 server that cuts a connection at a pattern, TIMES times: s3_proxy.py PORT PATTERN before|inside|after TIMES. Prints its port, then
"cut" for each."""
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))
from proxy import Loop, Proxy  # noqa: E402


class Cutting(Proxy):
    def arm(self, pattern, when, times):
        self.armed, self.times = (pattern, when), times
        self.pattern = self.armed

    def _hit(self):
        super()._hit()
        print("cut", flush=True)
        self.times -= 1
        if self.times:
            self.pattern = self.armed


def main():
    proxy = Cutting(Loop(), int(sys.argv[1]))
    proxy.arm(sys.argv[2].encode(), sys.argv[3], int(sys.argv[4]))
    print(proxy.port, flush=True)
    threading.Event().wait()


main()
