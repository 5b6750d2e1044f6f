"""The auction house: listens, and reports logins and logouts. server.ts is the same in TypeScript."""
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import reactor
from twisted.spread import pb
from zope.interface import implementer

from auction import House, Seat
from report import report


@implementer(IRealm)
class AuctionRealm:
    """Gives each user a seat."""

    def __init__(self):
        self.house = House()

    def requestAvatar(self, avatarId, mind, *interfaces):
        user = avatarId.decode()
        report("logged in", user)
        return pb.IPerspective, Seat(self.house, user), lambda: report("logged out", user)


users = InMemoryUsernamePasswordDatabaseDontUse(alice=b"earl grey")
port = reactor.listenTCP(0, pb.PBServerFactory(Portal(AuctionRealm(), [users])), interface="127.0.0.1")
report("listening", port.getHost().port)
reactor.run()
