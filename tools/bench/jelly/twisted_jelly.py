"""Twisted's own jelly and Banana, timed on request: one JSON line in, one JSON line out."""

import json
import sys
import time

import twisted
from twisted.spread import banana, jelly


class Silent:
    """A transport that keeps nothing."""

    def write(self, data):
        pass


def peer():
    made = banana.Banana()
    made.makeConnection(Silent())
    made._selectDialect(b"pb")
    return made


received = []
values = peer()
values.expressionReceived = lambda expression: received.append(jelly.unjelly(expression, jelly.globalSecurity))


def read(data):
    values.dataReceived(data)
    return received.pop()


def write(value):
    values.sendEncoded(jelly.jelly(value, jelly.globalSecurity))


payloads = {}
print(json.dumps({"version": twisted.__version__, "python": sys.version.split()[0]}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if "hex" in request:
        data = bytes.fromhex(request["hex"])
        payloads[request["payload"]] = (data, read(data))
        print("{}", flush=True)
        continue
    data, value = payloads[request["payload"]]
    work, argument = (write, value) if request["direction"] == "encode" else (read, data)
    start = time.perf_counter()
    for _ in range(request["times"]):
        work(argument)
    print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
