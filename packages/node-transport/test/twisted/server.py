"""
An unmodified Twisted server: server.py ENDPOINT
Prints its port when it listens, or 0 for a UNIX socket.  The log of Twisted goes to stderr.
"""
import sys

from twisted.internet import reactor, task
from twisted.internet.endpoints import serverFromString
from twisted.python import log
from twisted.spread import pb


class Root(pb.Root):
    def remote_echo(self, value):
        return value

    def remote_add(self, a, b=0):
        return a + b

    def remote_delay(self, seconds, value):
        return task.deferLater(reactor, seconds, lambda: value)

    def remote_call_back(self, reference, value):
        return reference.callRemote("echo", value)

    def remote_busy(self, seconds):
        """Blocks the reactor."""
        import time

        time.sleep(seconds)

    def remote_fail(self, text):
        raise pb.Error(text)


def listening(port):
    print(getattr(port.getHost(), "port", 0), flush=True)


log.startLogging(sys.stderr, setStdout=False)
serverFromString(reactor, sys.argv[1]).listen(pb.PBServerFactory(Root())).addCallbacks(listening, log.err)
reactor.callLater(120, reactor.stop)
reactor.run()
