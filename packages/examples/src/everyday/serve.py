"""
Serves the Python programs of this folder, each on a port of its own, and prints the ports as JSON.
"""
import json
import os
import sys

from twisted.internet import reactor
from twisted.spread import pb

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import callbacks
import chat
import jobs
import logins
import monitor
import todo
import upload

programs = {
    "callbacks": callbacks,
    "chat": chat,
    "jobs": jobs,
    "logins": logins,
    "monitor": monitor,
    "todo": todo,
    "upload": upload,
}


def serve(module, port=0):
    return reactor.listenTCP(port, pb.PBServerFactory(module.makeRoot()), interface="127.0.0.1").getHost().port


if len(sys.argv) > 1:
    ports = {sys.argv[1]: serve(programs[sys.argv[1]], int(sys.argv[2]))}
else:
    ports = {name: serve(module) for name, module in programs.items()}
print(json.dumps(ports), flush=True)
reactor.run()
