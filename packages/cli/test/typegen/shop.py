"""A server whose types `pb typegen` writes: shop.ts. It prints its port."""
from __future__ import annotations

import dataclasses
import datetime
import decimal
import typing
from typing import Any, Dict, List, Literal, Optional, Tuple, Union

from twisted.internet import defer, reactor
from twisted.python.log import err
from twisted.spread import pb

if typing.TYPE_CHECKING:
    from nowhere import Secret


class Options(typing.TypedDict, total=False):
    color: str
    size: int


@dataclasses.dataclass
class Fruit(pb.Copyable):
    """A fruit. This text does not end the comment: */"""

    name: str
    price: decimal.Decimal
    best_before: Optional[datetime.date] = None


class Order(pb.Copyable, pb.RemoteCopy):
    def __init__(self, number: int, lines):
        self.number = number
        self.lines, self.state = lines, "new"

    def pay(self):
        self.paid = True


pb.setUnjellyableForClass("shop.Order", Order)


class Ponds(pb.Copyable):
    def getStateToCopy(self):
        return {"frogs": 3}


class Stock(pb.Cacheable):
    def __init__(self):
        self.apples, self.observers = 7, []

    def getStateToCacheAndObserveFor(self, _perspective, observer):
        self.observers.append(observer)
        return {"apples": self.apples}

    def stoppedObserving(self, _perspective, observer):
        self.observers.remove(observer)

    def sell(self):
        self.apples -= 1
        for observer in self.observers:
            observer.callRemote("setApples", self.apples).addErrback(err)


class Counter(pb.Viewable):
    def view_ask(self, _perspective, question: str) -> str:
        return question.upper()


class Map(pb.Referenceable):
    """Its name is one of JavaScript."""

    def remote_at(self, x: int, y: float) -> Tuple[int, str]:
        return (x, str(y))


class Shop(pb.Root):
    def __init__(self):
        self.stock = Stock()

    def remote_fruit(self, name: str, currency="EUR", *, limit: int, default: Optional[int] = None) -> Fruit:
        """Finds a fruit.

        limit: the highest price
        """
        return Fruit(name, decimal.Decimal(limit), datetime.date(2026, 1, 31))

    def remote_join(self, first: int, /, *rest: str, separator: bytes = b",", **others: Any) -> List[Union[str, int, None]]:
        return [first, *rest, separator.decode(), None, *others]

    def remote_later(self, kind: Literal["a", 1, None] = "a") -> defer.Deferred[Map]:
        return defer.succeed(Map())

    @defer.inlineCallbacks
    def remote_ask(self, customer: pb.RemoteReference, options: Options) -> typing.Generator[Any, Any, str]:
        return (yield customer.callRemote("answer", options["color"]))

    async def remote_wait(self) -> Secret:
        raise NotImplementedError

    def remote_secret(self, _secret: Secret) -> Dict[str, bytes]:
        return {"a": b"1"}

    def remote_order(self, order: Order) -> Order:
        order.pay()
        return order

    def remote_numbers(self, _names: Dict[int, str], members: set, _items: Tuple[int, ...]) -> frozenset:
        return frozenset(members)

    def remote_when(self, delta: datetime.timedelta) -> datetime.datetime:
        return datetime.datetime(2026, 1, 31) + delta

    def remote_stock(self) -> Stock:
        return self.stock

    def remote_sell(self) -> None:
        self.stock.sell()

    @staticmethod
    def remote_static(function, new=object()):
        return [function, new.__class__.__name__]


class Guest(pb.Avatar):
    def perspective_counter(self) -> Counter:
        return Counter()

    def perspective_ponds(self) -> Ponds:
        return Ponds()


port = reactor.listenTCP(0, pb.PBServerFactory(Shop()), interface="127.0.0.1")
if __name__ == "__main__":
    print(port.getHost().port)
reactor.run()
