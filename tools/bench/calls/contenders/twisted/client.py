"""Twisted's Perspective Broker as a contender: the client. Works as in perform-client.ts."""

import sys

from stage import perform
from twisted.cred.credentials import UsernamePassword
from twisted.internet import defer, reactor
from twisted.spread import pb, util

GUESTS, MEMBERS = int(sys.argv[1]), int(sys.argv[2])
IN_FLIGHT = 100
ONE_WAY = 10_000
NOTE = {"user": "alice", "room": 7, "text": "Is anybody there?", "urgent": False}
CREDENTIALS = UsernamePassword(b"alice", b"correct horse battery staple")


class StockCopy(pb.RemoteCache):
    changed = None

    def observe_set(self, symbol, price):
        self.prices[symbol] = price
        if self.changed is not None:
            self.changed()


pb.setUnjellyableForClass("__main__.Stock", StockCopy)


async def connect():
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", GUESTS, factory)
    return factory, await factory.getRootObject()


async def login():
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", MEMBERS, factory)
    return factory, await factory.login(CREDENTIALS)


async def close(factory, root):
    gone = defer.Deferred()
    root.notifyOnDisconnect(lambda _: gone.callback(None))
    factory.disconnect()
    await gone


async def in_flight(times, call):
    left = times

    async def caller():
        nonlocal left
        while left > 0:
            left -= 1
            await call()

    await defer.gatherResults([defer.ensureDeferred(caller()) for _ in range(min(times, IN_FLIGHT))])


class Watchers:
    """Connections that each keep a copy of the same object."""

    def __init__(self, count):
        self.group, self.count = f"watched by {count}", count
        self.copies, self.seen, self.wanted = [], 0, None

    def changed(self):
        self.seen += 1
        if self.seen == self.wanted:
            self.all_seen.callback(None)

    async def see(self, times, root):
        while len(self.copies) < self.count:
            factory, own = await connect()
            copy = await own.callRemote("watch", self.group)
            copy.changed = self.changed
            self.copies.append((factory, own, copy))
        self.seen, self.wanted, self.all_seen = 0, times * self.count, defer.Deferred()
        await root.callRemote("update", self.group, times)
        await self.all_seen


async def main():
    _, root = await connect()
    groups = {count: Watchers(count) for count in (1, 100)}
    idle = []

    async def one(times):
        for _ in range(times):
            await root.callRemote("echo", NOTE)

    async def hundred(times):
        await in_flight(times, lambda: root.callRemote("echo", NOTE))

    async def reference(times):
        for _ in range(times):
            counter = await root.callRemote("open")
            await counter.callRemote("look")

    async def one_way(times):
        for left in range(times, 0, -ONE_WAY):
            for _ in range(min(left, ONE_WAY)):
                root.callRemote("notify", NOTE, pbanswer=False)
            assert await root.callRemote("notified") == min(left, ONE_WAY)

    async def data(times):
        for _ in range(times):
            assert len(b"".join(await util.getAllPages(root, "bytes"))) == 1_000_000

    async def log_in(times):
        for _ in range(times):
            await close(*await login())

    async def connections(times):
        if times == 0:
            while idle:
                await close(*idle.pop())
        for _ in range(times):
            idle.append(await connect())

    assert await root.callRemote("echo", NOTE) == NOTE
    perform(
        {"client": sys.version.split()[0]},
        {
            "one": one,
            "hundred": hundred,
            "reference": reference,
            "one-way": one_way,
            "bytes": data,
            "updates-1": lambda times: groups[1].see(times, root),
            "updates-100": lambda times: groups[100].see(times, root),
            "login": log_in,
            "connect": connections,
        },
    )


def fail(failure):
    failure.printTraceback(sys.stderr)
    reactor.stop()


reactor.callWhenRunning(lambda: defer.ensureDeferred(main()).addErrback(fail))
reactor.run()
