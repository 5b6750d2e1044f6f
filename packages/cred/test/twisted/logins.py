"""
The Twisted side of twisted.test.ts.

    python3 logins.py server         Runs two portals, with and without checkers. Prints {"listening": [PORT, PORT]}, and stops when stdin ends.
    python3 logins.py client PORT    Logs in to a portal in every way. Prints the results as one JSON object.
"""
import gc
import json
import sys

from twisted.cred import checkers, credentials, error, portal
from twisted.internet import defer, reactor, stdio, task
from twisted.logger import globalLogBeginner, formatEvent
from twisted.protocols.basic import LineReceiver
from twisted.spread import pb
from zope.interface import implementer

LOGGED = []


class View(pb.Viewable):
    def view_who(self, perspective):
        return perspective.name


class Avatar(pb.Avatar):
    view = View()

    def __init__(self, name, mind, realm):
        self.name, self.mind, self.realm = name, mind, realm

    def perspective_whoami(self):
        return self.name

    def perspective_ask_mind(self, n):
        return self.mind.callRemote("ping", n)

    def perspective_get_view(self):
        return self.view

    def perspective_loggedIn(self):
        return sorted(self.realm.logged_in)

    def perspective_logged(self):
        return LOGGED


class Desk(pb.Referenceable):
    def remote_whoami(self):
        return b"desk"


@implementer(portal.IRealm)
class Realm:
    def __init__(self):
        self.logged_in = []

    def requestAvatar(self, avatarId, mind, *interfaces):
        name = b"anonymous" if avatarId is checkers.ANONYMOUS else avatarId
        if name == b"eve":
            raise error.LoginDenied("Not on Sundays")
        if name == b"mail" or pb.IPerspective not in interfaces:
            raise NotImplementedError("No avatar for that")
        self.logged_in.append(name)
        avatar = Desk() if name == b"desk" else Avatar(name, mind, self)
        return pb.IPerspective, avatar, lambda: self.logged_in.remove(name)


def server():
    db = checkers.InMemoryUsernamePasswordDatabaseDontUse(alice=b"secret", eve=b"apple", mail=b"stamp", desk=b"drawer")
    db.addUser("zo\u00eb".encode(), "p\u00e4ss".encode())
    with_checkers = portal.Portal(Realm(), [db, checkers.AllowAnonymousAccess()])
    without_checkers = portal.Portal(Realm(), [])
    ports = [reactor.listenTCP(0, pb.PBServerFactory(p), interface="127.0.0.1").getHost().port for p in (with_checkers, without_checkers)]
    print(json.dumps({"listening": ports}), flush=True)


class Mind(pb.Referenceable):
    def remote_ping(self, n):
        return n + 1


def described(failure):
    kind = failure.type.decode() if isinstance(failure.type, bytes) else failure.type.__module__ + "." + failure.type.__qualname__
    traps = [c.__name__ for c in (error.UnauthorizedLogin, error.LoginDenied, error.UnhandledCredentials, error.LoginFailed) if failure.check(c)]
    return {"type": kind, "value": str(failure.value), "traps": traps, "parents": list(failure.parents)}


@defer.inlineCallbacks
def attempt(factory, creds, mind=None):
    got = []
    yield factory.login(creds, mind).addCallbacks(got.append, lambda f: got.append(described(f)))
    return got[0]


@defer.inlineCallbacks
def client(port):
    UP, out = credentials.UsernamePassword, {}
    factory = pb.PBClientFactory()
    connector = reactor.connectTCP("127.0.0.1", port, factory)
    out["wrong"] = yield attempt(factory, UP(b"alice", b"wrong"))
    out["unknown"] = yield attempt(factory, UP(b"mallory", b"secret"))
    out["denied"] = yield attempt(factory, UP(b"eve", b"apple"))
    out["not implemented"] = yield attempt(factory, UP(b"mail", b"stamp"))
    alice = yield attempt(factory, UP(b"alice", b"secret"), Mind())
    out["alice"] = yield alice.callRemote("whoami")
    out["mind"] = yield alice.callRemote("askMind", 41)
    view = yield alice.callRemote("getView")
    out["view"] = yield view.callRemote("who")
    anonymous = yield attempt(factory, credentials.Anonymous())
    out["anonymous"] = yield anonymous.callRemote("whoami")
    desk = yield attempt(factory, UP(b"desk", b"drawer"))
    out["desk"] = yield desk.callRemote("whoami")
    out["logged in"] = yield alice.callRemote("loggedIn")
    desk = anonymous = None
    gc.collect()
    while len((yield alice.callRemote("loggedIn"))) > 1:
        yield task.deferLater(reactor, 0.01, lambda: None)
    out["logged in later"] = yield alice.callRemote("loggedIn")
    root = yield factory.getRootObject()
    got = []
    yield root.callRemote("login", b"alice").addCallback(got.append)
    (challenge, challenger), again = got[0], []
    response = pb.respond(challenge, b"secret")
    yield challenger.callRemote("respond", response, None)
    yield challenger.callRemote("respond", response, None).addErrback(lambda f: again.append(described(f)))
    out["replay"] = again[0]
    connector.disconnect()
    return out


class StopAtEndOfInput(LineReceiver):
    def connectionLost(self, reason=None):
        reactor.stop()


def plain(value):
    return value.decode() if isinstance(value, bytes) else value


def main():
    observer = lambda event: LOGGED.append(formatEvent(event)) if "log_failure" in event else None
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)
    if sys.argv[1] == "server":
        stdio.StandardIO(StopAtEndOfInput())
        server()
    else:
        done = lambda result: (print(json.dumps(result, default=plain) if isinstance(result, dict) else str(result), flush=True), reactor.stop())
        reactor.callWhenRunning(lambda: client(int(sys.argv[2])).addBoth(done))
        reactor.callLater(20, reactor.stop)
    reactor.run()


main()
