from twisted.internet import reactor
from twisted.spread import pb


class Fruit(pb.Copyable):
    def __init__(self, name, price):
        self.name, self.price = name, price

    def getTypeToCopy(self):
        return b"shop.Fruit"


class SoldOut(pb.Error):
    pass


class Shop(pb.Root):
    def remote_fruit(self, name, currency="EUR"):
        if name == "apple":
            raise SoldOut("no apples today")
        return Fruit(name, f"2 {currency}")

    def remote_tell(self, customer):
        return customer.callRemote("special", "pears, two for one")


reactor.listenTCP(8787, pb.PBServerFactory(Shop()), interface="127.0.0.1")
reactor.run()
