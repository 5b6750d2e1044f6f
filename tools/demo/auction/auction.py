"""The auction: the objects that the server offers to a logged-in user. auction.ts is the same in TypeScript."""
from twisted.internet.defer import inlineCallbacks
from twisted.spread import pb


class BidTooLow(pb.Error):
    """The bid is not above the price. The caller receives the class name and the message of this error."""


class House:
    """The price and the highest bidder of each lot."""

    def __init__(self):
        self.prices = {"teapot": 40, "clock": 95}
        self.leaders = {}

    def place_bid(self, lot, amount, bidder):
        price = self.prices.get(lot, 0)
        if amount <= price:
            raise BidTooLow(f"the {lot} stands at {price}")
        self.prices[lot] = amount
        self.leaders[lot] = bidder
        return amount


class Seat(pb.Avatar):
    """The avatar of a user: a client can call only its perspective_ methods."""

    def __init__(self, house, user):
        self.house = house
        self.user = user

    def perspective_lots(self):
        return self.house.prices

    def perspective_bid(self, lot, amount):
        return self.house.place_bid(lot, amount, self.user)

    @inlineCallbacks
    def perspective_sell(self, lot, bidder):
        """Sells a lot. A telephone bidder bids twice; each time, bidder, an object of the client, may bid more."""
        for offer in [50, 60]:
            self.house.place_bid(lot, offer, "telephone")
            amount = yield bidder.callRemote("outbid", lot, offer)
            self.house.place_bid(lot, amount, self.user)
        yield bidder.callRemote("sold", lot)
        return f"sold to {self.house.leaders[lot]} for {self.house.prices[lot]}"
