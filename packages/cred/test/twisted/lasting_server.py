"""
An unmodified Twisted server for lasting.test.ts: lasting_server.py PORT PASSWORD
Prints "ready", and a line for each call of a method.
"""
import sys

from twisted.cred import checkers, portal
from twisted.internet import reactor
from twisted.spread import pb
from zope.interface import implementer


def log(*words):
    print(*words, flush=True)


class Member(pb.Referenceable):
    def __init__(self, name):
        self.name = name

    def remote_name(self):
        return self.name


class Room(pb.Referenceable):
    def __init__(self, name):
        self.name = name

    def remote_say(self, text):
        log("say", text)
        return "%s: %s" % (self.name, text)

    def remote_member(self, name):
        log("member", name)
        return Member("%s in %s" % (name, self.name))


class Guest(pb.Avatar):
    def perspective_room(self, name):
        log("room", name)
        return Room(name)

    def perspective_events(self, listener, after):
        log("events after", after)
        return listener.callRemote("event", after + 1)


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return pb.IPerspective, Guest(), lambda: None


port, password = int(sys.argv[1]), sys.argv[2].encode()
checker = checkers.InMemoryUsernamePasswordDatabaseDontUse(ann=password)
reactor.listenTCP(port, pb.PBServerFactory(portal.Portal(Realm(), [checker])), interface="127.0.0.1")
reactor.callWhenRunning(log, "ready")
reactor.callLater(300, reactor.stop)
reactor.run()
