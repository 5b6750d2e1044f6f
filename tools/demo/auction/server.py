"""The house as a program: listens, and tells on stdout who comes and goes. server.ts is the same in TypeScript."""
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.spread import pb
from zope.interface import implementer

from auction import House, Seat
from tell import tell


@implementer(IRealm)
class Doorkeeper:
    """Gives each guest a seat."""

    def __init__(self):
        self.house = House()

    def requestAvatar(self, avatarId, mind, *interfaces):
        guest = avatarId.decode()
        tell("logged in", guest)
        return pb.IPerspective, Seat(self.house, guest), lambda: tell("logged out", guest)


guests = InMemoryUsernamePasswordDatabaseDontUse(alice=b"earl grey")
port = reactor.listenTCP(0, pb.PBServerFactory(Portal(Doorkeeper(), [guests])), interface="127.0.0.1")
tell("listening", port.getHost().port)
reactor.run()
