"""Twisted's Banana, or its jelly and Banana, as a contender: answers each line of JSON with one line of JSON."""

import json
import sys
import time

from twisted.spread import banana, jelly


class DiscardingTransport:
    def write(self, data):
        pass


received = []
connection = banana.Banana()
connection.makeConnection(DiscardingTransport())
connection._selectDialect(b"pb")
connection.expressionReceived = received.append


def read_tree(data):
    connection.dataReceived(data)
    return received.pop()


def read_value(data):
    return jelly.unjelly(read_tree(data), jelly.globalSecurity)


def write_value(value):
    connection.sendEncoded(jelly.jelly(value, jelly.globalSecurity))


suites = {"codec": (connection.sendEncoded, read_tree), "jelly": (write_value, read_value)}
write, read = suites[sys.argv[1]]
data, value = b"", None
for line in sys.stdin:
    request = json.loads(line)
    if "hex" in request:
        data = bytes.fromhex(request["hex"])
        value = read(data)
    work, argument = (read, data) if request["direction"] == "decode" else (write, value)
    start = time.process_time()
    for _ in range(request["times"]):
        work(argument)
    print(json.dumps({"seconds": time.process_time() - start}), flush=True)
