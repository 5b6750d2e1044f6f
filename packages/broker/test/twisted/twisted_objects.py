"""
A Twisted server that sends objects back, sends caches that refer to each other, and exchanges pages.
Prints the port that it listens on.
"""
import io
import sys

from twisted.internet import defer, reactor
from twisted.spread import pb, util


class CounterCopy(pb.RemoteCache):
    pass


pb.setUnjellyableForClass("test.Counter", CounterCopy)


class Item(pb.Cacheable):
    """Refers to other items."""

    observed = 0

    def getTypeToCopyFor(self, perspective):
        return b"test.Item"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        Item.observed += 1
        return {"links": self.links}

    def stoppedObserving(self, perspective, observer):
        Item.observed -= 1


def parent_and_child():
    parent, child = Item(), Item()
    parent.links, child.links = [child], parent
    return parent


def ring(size):
    items = [Item() for _ in range(size)]
    for item, following in zip(items, items[1:] + items[:1]):
        item.links = {"next": following}
    return items[0]


class SlowCollector(util.CallbackPageCollector):
    """Never answers the end of the pages."""

    def __init__(self):
        self.ended = defer.Deferred()
        util.CallbackPageCollector.__init__(self, self.ended.callback)

    def remote_endedPaging(self):
        util.CallbackPageCollector.remote_endedPaging(self)
        return defer.Deferred()


class Objects(pb.Root):
    # our objects
    def remote_echo(self, *args, **kwargs):
        return args[0] if args else kwargs["value"]

    def remote_echoLater(self, value):
        return later(lambda: value)

    def remote_refuse(self, value):
        raise pb.Error("refused")

    # caches that refer to each other
    def remote_parentAndChild(self):
        return parent_and_child()

    def remote_ring(self, size):
        return ring(size)

    def remote_observed(self):
        return Item.observed

    # pages that we send
    def remote_readAll(self, files, *args):
        return util.getAllPages(files, "read", *args)

    def remote_readSlowly(self, files):
        collector = SlowCollector()
        files.callRemote("read", collector, 3, 1)
        return collector.ended

    # pages that Twisted sends
    def remote_string(self, collector, data, size):
        util.StringPager(collector, data, size)
        return "answer"

    def remote_file(self, collector, data):
        util.FilePager(collector, io.BytesIO(data))

    def remote_stringAfterAnswer(self, collector, data, size):
        reactor.callLater(0.01, util.StringPager, collector, data, size)
        return "answer"


def later(function):
    d = defer.Deferred()
    reactor.callLater(0, lambda: d.callback(function()))
    return d


if __name__ == "__main__":
    port = reactor.listenTCP(0, pb.PBServerFactory(Objects()), interface="127.0.0.1")
    print(port.getHost().port, flush=True)
    reactor.callLater(120, reactor.stop)
    reactor.run()
