"""
Orders that a client checks: calls in both directions, with errors of classes of both programs.
"""
from twisted.internet import defer
from twisted.spread import pb


class OutOfStock(pb.Error):
    """Thrown by this program."""


class PriceTooHigh(pb.Error, pb.RemoteCopy):
    """Thrown by the client, with its limit."""


pb.setUnjellyableForClass("orders.PriceTooHigh", PriceTooHigh)


class Desk(pb.Root):
    @defer.inlineCallbacks
    def remote_order(self, item, buyer):
        """The buyer accepts the price, throws, or calls back."""
        price = {"pear": 2, "melon": 12}.get(item)
        if price is None:
            raise OutOfStock(item)
        try:
            count = yield buyer.callRemote("accept", item, price)
        except PriceTooHigh as error:
            return f"no {item}: the limit is {error.limit}"
        except pb.RemoteError as error:
            return f"no {item}: {error.remoteType.decode()}"
        return f"{count} {item}s for {count * price}"

    def remote_stock(self, item):
        raise OutOfStock(item)


def makeRoot():
    return Desk()
