"""
An unmodified Twisted client that a server refuses: refused.py ENDPOINT call|login
Prints the error: its class, whether pb.Error traps it, and its text.
"""
import sys

from twisted.cred.credentials import UsernamePassword
from twisted.internet import defer, reactor
from twisted.internet.endpoints import clientFromString
from twisted.python import log
from twisted.spread import pb


@defer.inlineCallbacks
def main():
    factory = pb.PBClientFactory()
    yield clientFromString(reactor, sys.argv[1]).connect(factory)
    if sys.argv[2] == "login":
        answer = factory.login(UsernamePassword(b"ann", b"secret"))
    else:
        root = yield factory.getRootObject()
        answer = root.callRemote("echo", 1)

    def report(failure):
        # The type of an error that arrived is its name, as bytes or as text.
        name = failure.type.decode() if isinstance(failure.type, bytes) else str(failure.type)
        print(name, failure.check(pb.Error) is not None, failure.getErrorMessage(), flush=True)

    yield answer.addErrback(report)
    reactor.stop()


log.startLogging(sys.stderr, setStdout=False)
reactor.callWhenRunning(main)
reactor.callLater(120, reactor.stop)
reactor.run()
