# Buys fruit from the TypeScript program. It needs nothing but Twisted.

from twisted.internet import defer, task
from twisted.spread import pb


class Fruit(pb.Copyable, pb.RemoteCopy):
    def getTypeToCopy(self):
        return b"shop.Fruit"


pb.setUnjellyableForClass("shop.Fruit", Fruit)


class Wallet(pb.Referenceable):
    money = 10

    def remote_pay(self, price):
        self.money -= price
        return self.money


@defer.inlineCallbacks
def main(reactor):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", 8787, factory)
    shop = yield factory.getRootObject()
    fruits = yield shop.callRemote("find", "apple", most=5)
    print([(fruit.name, fruit.price) for fruit in fruits])
    print((yield shop.callRemote("buy", fruits[0], Wallet())))
    pears = yield shop.callRemote("find", "pear")
    try:
        yield shop.callRemote("buy", pears[0], Wallet())
    except pb.RemoteError as error:
        print(error.remoteType.decode(), error)
    factory.disconnect()


task.react(main)
