"""The auction: what the house offers to somebody who logged in. auction.ts is the same in TypeScript."""
from twisted.internet.defer import inlineCallbacks
from twisted.spread import pb


class BidTooLow(pb.Error):
    """An error raised on purpose: it reaches the caller with its class and its message."""


class House:
    """What the house sells, and who leads at which price."""

    def __init__(self):
        self.prices = {"teapot": 40, "clock": 95}
        self.leaders = {}

    def raise_(self, lot, amount, who):
        price = self.prices.get(lot, 0)
        if amount <= price:
            raise BidTooLow(f"the {lot} stands at {price}")
        self.prices[lot] = amount
        self.leaders[lot] = who
        return amount


class Seat(pb.Avatar):
    """The avatar of a guest: only its perspective_ methods can be called from outside."""

    def __init__(self, house, guest):
        self.house = house
        self.guest = guest

    def perspective_lots(self):
        return self.house.prices

    def perspective_bid(self, lot, amount):
        return self.house.raise_(lot, amount, self.guest)

    @inlineCallbacks
    def perspective_sell(self, lot, bidder):
        """Sells a lot. Somebody on the telephone bids too; bidder, an object of the guest's, is asked for more each time."""
        for offer in [50, 60]:
            self.house.raise_(lot, offer, "telephone")
            more = yield bidder.callRemote("outbid", lot, offer)
            self.house.raise_(lot, more, self.guest)
        yield bidder.callRemote("sold", lot)
        return f"sold to {self.house.leaders[lot]} for {self.house.prices[lot]}"
