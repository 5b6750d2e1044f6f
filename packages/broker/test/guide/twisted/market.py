from fractions import Fraction

from twisted.internet import reactor
from twisted.spread import pb, util


class Item(pb.Copyable):  # its name is __main__.Item when this file is started, market.Item when it is imported
    def __init__(self, name, stock):
        self.name, self.stock = name, stock


class Board(pb.Viewable):
    def view_post(self, member, text):  # member is the avatar of the caller, or None without a login
        return f"{text} (posted)"


class OutOfStock(pb.Error, pb.RemoteCopy):  # receives an error with its state
    pass


pb.setUnjellyableForClass("market.OutOfStock", OutOfStock)


class Market(pb.Root):
    def remote_item(self, name):
        return Item(name, {1: "box", 2: "crate"})

    def remote_board(self):
        return Board()

    def remote_log(self, day, collector, size):
        util.StringPager(collector, f"{day}:sold".encode(), size)

    def remote_share(self):
        return Fraction(1, 3)  # cannot be sent

    def remote_order(self, supplier):
        def failed(failure):
            failure.trap(OutOfStock)
            return f"{failure.value.missing} are missing"

        return supplier.callRemote("deliver", 10).addErrback(failed)


reactor.listenTCP(8787, pb.PBServerFactory(Market()), interface="127.0.0.1")
reactor.run()
