"""An older and a newer shop, in plain Twisted or with txpb, which also calls its client. Prints its port."""

import sys

from twisted.internet import reactor
from twisted.internet.defer import inlineCallbacks
from twisted.python.failure import Failure
from twisted.spread import jelly, pb

version, upgraded = int(sys.argv[1]), sys.argv[2] == "txpb"


class Fruit(pb.Copyable, pb.RemoteCopy):
    def __init__(self, **state):
        self.__dict__.update(state)

    def getTypeToCopy(self):
        return b"shop.Produce" if hasattr(self, "isNew") else b"shop.Fruit"


class SoldOut(pb.Error):
    __module__ = "shop"


class NotInSeason(SoldOut):
    __module__ = "shop"


pb.setUnjellyableForClass("shop.Fruit", Fruit)
if version == 2:
    pb.setUnjellyableForClass("shop.Produce", Fruit)


class Shop1(pb.Root):
    def remote_buy(self, name):
        if name == "plum":
            raise SoldOut("no plums today")
        return Fruit(name=name)

    @inlineCallbacks
    def remote_call(self, reference, name, *args, **kw):
        """Calls a method of the client. Returns what this end sees of the result."""
        try:
            result = yield reference.callRemote(name, *args, **kw)
        except Exception:
            return ["error", Failure().type.__module__ + "." + Failure().type.__qualname__]
        return [type(result).__name__, sorted(vars(result)) if isinstance(result, Fruit) else []]


class Shop2(Shop1):
    def remote_buy(self, name, count=1, *, gift=False):
        if name == "plum":
            raise NotInSeason("plums ripen in August")
        if name == "kale":
            return Fruit(name=name, isNew=True)
        return Fruit(name=f"{count} {name}{' as a gift' if gift else ''}", state="frozen")

    def remote_prices(self):
        return {"apple": 2}


factory = pb.PBServerFactory(Shop2() if version == 2 else Shop1())
if upgraded:
    import txpb

    txpb.upgrade(factory)
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
print(port.getHost().port, flush=True)
reactor.run()
