"""
An unmodified Twisted client: client.py ENDPOINT [stay]
Calls the server, is called back, and prints "ok" or an error.  With "stay" it stays connected until its stdin ends.
"""
import sys

from twisted.internet import defer, reactor, stdio, protocol
from twisted.internet.endpoints import clientFromString
from twisted.python import log
from twisted.spread import pb


class Mine(pb.Referenceable):
    def remote_echo(self, value):
        return value


@defer.inlineCallbacks
def converse(root):
    for value in [1, "text", b"bytes", [1.5, None, True], {"key": (1, 2)}, "x" * 100000]:
        answer = yield root.callRemote("echo", value)
        if answer != value:
            raise ValueError("sent %r, got %r" % (value, answer))
    answer = yield root.callRemote("callBack", Mine(), "there and back")
    if answer != "there and back":
        raise ValueError("called back with %r" % (answer,))
    try:
        yield root.callRemote("fail", "on purpose")
    except Exception as e:
        if "on purpose" not in str(e):
            raise
    else:
        raise ValueError("no error")


class UntilTheEnd(protocol.Protocol):
    def connectionLost(self, reason):
        if reactor.running:
            reactor.stop()


@defer.inlineCallbacks
def main():
    try:
        factory = pb.PBClientFactory()
        yield clientFromString(reactor, sys.argv[1]).connect(factory)
        root = yield factory.getRootObject()
        yield converse(root)
        root.broker.notifyOnDisconnect(lambda: print("lost", flush=True))
        print("ok", flush=True)
    except BaseException as e:
        print("%s: %s" % (type(e).__name__, e), flush=True)
    if sys.argv[2:] == ["stay"]:
        stdio.StandardIO(UntilTheEnd())
    else:
        reactor.stop()


log.startLogging(sys.stderr, setStdout=False)
reactor.callWhenRunning(main)
reactor.callLater(120, reactor.stop)
reactor.run()
