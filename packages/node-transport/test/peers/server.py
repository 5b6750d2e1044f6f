"""
A stock Twisted server at any endpoint of Twisted's: server.py ENDPOINT
One line on stdout when it listens: the port, or 0.  Whatever Twisted logs goes to stderr.
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
        """The reactor does nothing else meanwhile."""
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
