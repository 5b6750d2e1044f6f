"""Twisted's own Banana, timed on request: one JSON line in, one JSON line out."""

import json
import sys
import time

from twisted.spread import banana


class Silent:
    """A transport that keeps nothing."""

    def write(self, data):
        pass


def peer():
    made = banana.Banana()
    made.makeConnection(Silent())
    made._selectDialect(b"pb")
    return made


def read(data):
    received = []
    reader = peer()
    reader.expressionReceived = received.append
    reader.dataReceived(data)
    return received[0]


payloads = {}
print("{}", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if "hex" in request:
        data = bytes.fromhex(request["hex"])
        payloads[request["payload"]] = (data, read(data))
        print("{}", flush=True)
        continue
    data, expression = payloads[request["payload"]]
    banana_peer = peer()
    banana_peer.expressionReceived = lambda value: None
    times = range(request["times"])
    if request["direction"] == "encode":
        work, argument = banana_peer.sendEncoded, expression
    else:
        work, argument = banana_peer.dataReceived, data
    start = time.process_time()
    for _ in times:
        work(argument)
    print(json.dumps({"seconds": time.process_time() - start}), flush=True)
