"""Twisted's Perspective Broker as a contender: the server."""

from stage import perform
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import IRealm, Portal
from twisted.internet import defer, reactor, task
from twisted.spread import pb, util
from zope.interface import implementer

MEGABYTE = b"\7" * 1_000_000
UPDATES_PER_TURN = 10


class Counter(pb.Referenceable):
    def remote_look(self):
        return 42


class Stock(pb.Cacheable):
    def __init__(self):
        self.observers = []

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {"prices": {}}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)

    def set(self, symbol, price):
        for observer in self.observers:
            observer.callRemote("set", symbol, price, pbanswer=False)


class Bench(pb.Root):
    def __init__(self):
        self.notified = 0
        self.stocks = {}

    def stock(self, group):
        return self.stocks.setdefault(group, Stock())

    def remote_echo(self, note):
        return note

    def remote_open(self):
        return Counter()

    def remote_notify(self, note):
        self.notified += 1

    def remote_notified(self):
        count, self.notified = self.notified, 0
        return count

    def remote_bytes(self, collector):
        util.StringPager(collector, MEGABYTE)

    def remote_watch(self, group):
        return self.stock(group)

    async def _update(self, group, count):
        stock = self.stock(group)
        for made in range(count):
            if made % UPDATES_PER_TURN == 0:
                await task.deferLater(reactor, 0, lambda: None)
            stock.set("TWST", made)

    def remote_update(self, group, count):
        return defer.ensureDeferred(self._update(group, count))


class Member(pb.Avatar):
    def perspective_echo(self, note):
        return note


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return pb.IPerspective, Member(), lambda: None


checker = InMemoryUsernamePasswordDatabaseDontUse(alice=b"correct horse battery staple")
guests = reactor.listenTCP(0, pb.PBServerFactory(Bench()), interface="127.0.0.1")
members = reactor.listenTCP(0, pb.PBServerFactory(Portal(Realm(), [checker])), interface="127.0.0.1")
reactor.callWhenRunning(perform, {"port": guests.getHost().port, "members": members.getHost().port}, {})
reactor.run()
