"""
A Twisted server that sends and reads streams: one without txpb, and one with it. Prints their ports.
"""
from twisted.internet import defer, reactor
from twisted.spread import pb

import txpb


class Source(pb.Referenceable):
    """What a program without txpb writes by hand."""

    def __init__(self, items):
        self.items = items

    def remote_next(self, count):
        items, self.items = self.items[:count], self.items[count:]
        return items


class Stock(pb.Root):
    def remote_numbers(self, count):
        return Source(list(range(count)))

    @defer.inlineCallbacks
    def remote_pull(self, source, count):
        """Reads a stream by hand."""
        items = []
        while True:
            more = yield source.callRemote("next", count)
            if not more:
                return items
            items.extend(more)

    @defer.inlineCallbacks
    def remote_pull_error(self, source):
        items = []
        try:
            while True:
                items.extend((yield source.callRemote("next", 10)))
        except Exception as error:
            return [items, error.remoteType.decode(), str(error)]

    def remote_pull_some(self, source, count):
        return source.callRemote("next", count)


class Upgraded(pb.Root):
    closed = 0

    async def remote_numbers(self, count):
        try:
            for number in range(count):
                yield number
        finally:
            self.closed += 1

    async def remote_waiting(self):
        try:
            yield "first"
            await defer.Deferred()
        finally:
            self.closed += 1

    async def remote_failing(self):
        yield 1
        raise pb.Error("no paper")

    def remote_closed(self):
        return self.closed

    async def remote_read(self, stream, most):
        items = []
        async for item in txpb.iterate(stream):
            items.append(item)
            if len(items) == most:
                break
        return items


stock = reactor.listenTCP(0, pb.PBServerFactory(Stock()), interface="127.0.0.1")
upgraded = reactor.listenTCP(0, txpb.upgrade(pb.PBServerFactory(Upgraded())), interface="127.0.0.1")
print(stock.getHost().port, flush=True)
print(upgraded.getHost().port, flush=True)
reactor.run()
