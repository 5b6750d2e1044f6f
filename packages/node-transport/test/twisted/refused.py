"""
An unmodified Twisted client that a server refuses or sends away.

    refused.py ENDPOINT call|login   Prints the error: its class, whether pb.Error traps it, and its text.
    refused.py ENDPOINT sent-away    Makes three connections: idle, in a call, and logged in. Prints what happens to each of them, and "done" when all are lost.

Also prints what Twisted logs as an error.
"""
import sys

from twisted.cred.credentials import UsernamePassword
from twisted.internet import defer, reactor
from twisted.internet.endpoints import clientFromString
from twisted.python import log
from twisted.spread import pb


def report(failure, *prefix):
    # The type of an error that arrived is its name, as bytes or as text.
    name = failure.type.decode() if isinstance(failure.type, bytes) else failure.type.__name__
    print(*prefix, name, failure.check(pb.Error) is not None, failure.getErrorMessage().splitlines()[0], flush=True)


@defer.inlineCallbacks
def connected(name, lost):
    """The root of a new connection, which the server has answered."""
    factory = pb.PBClientFactory()
    yield clientFromString(reactor, sys.argv[1]).connect(factory)
    root = yield factory.getRootObject()
    yield root.callRemote("echo", name)

    def tell(_):
        print(name, "lost", flush=True)
        lost.callback(None)

    root.notifyOnDisconnect(tell)
    return root


@defer.inlineCallbacks
def sent_away():
    lost = [defer.Deferred() for _ in range(3)]
    user = yield connected("user", lost[0])
    login = yield user.callRemote("login", "ann")
    idle = yield connected("idle", lost[1])
    calling = yield connected("calling", lost[2])
    calling.callRemote("login", "slow").addErrback(report, "calling")
    print("ready", flush=True)
    yield defer.DeferredList(lost)
    del idle, login
    print("done", flush=True)
    reactor.stop()


@defer.inlineCallbacks
def refused():
    factory = pb.PBClientFactory()
    yield clientFromString(reactor, sys.argv[1]).connect(factory)
    if sys.argv[2] == "login":
        answer = factory.login(UsernamePassword(b"ann", b"secret"))
    else:
        root = yield factory.getRootObject()
        answer = root.callRemote("echo", 1)
    yield answer.addErrback(report)
    reactor.stop()


def print_error(event):
    if event.get("isError"):
        print("logged", log.textFromEventDict(event), flush=True)


log.startLogging(sys.stderr, setStdout=False)
log.addObserver(print_error)
reactor.callWhenRunning(sent_away if sys.argv[2] == "sent-away" else refused)
reactor.callLater(120, reactor.stop)
reactor.run()
