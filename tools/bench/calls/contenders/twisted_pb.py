"""Twisted's Perspective Broker: `server`, or `client GUEST_PORT MEMBER_PORT`. Does the same as program.ts."""

import json
import os
import resource
import sys
import threading
import time

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet import defer, reactor, task
from twisted.spread import pb, util
from zope.interface import implementer

CALLS_IN_FLIGHT = 100
ONE_WAY_BATCH = 10_000
UPDATES_PER_TURN = 10
NOTE = {"user": "alice", "room": 7, "text": "Is anybody there?", "urgent": False}
CREDENTIALS = (b"alice", b"correct horse battery staple")
MEGABYTE = b"\7" * 1_000_000


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def tell(answer):
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def act(line, actions):
    request = json.loads(line)
    action, times = request["action"], request["times"]
    before = cpu_seconds()
    start = time.perf_counter()
    if action in actions:
        await actions[action](times)
    seconds = time.perf_counter() - start
    total = cpu_seconds()
    tell({"seconds": seconds, "cpu": total - before, "cpuTotal": total})


def fail(failure):
    failure.printTraceback(sys.stderr)
    os._exit(1)


def answer(facts, actions):
    tell(facts)

    def read():
        for line in sys.stdin:
            reactor.callFromThread(lambda line=line: defer.ensureDeferred(act(line, actions)).addErrback(fail))
        reactor.callFromThread(reactor.stop)

    threading.Thread(target=read, daemon=True).start()


class Handle(pb.Referenceable):
    def remote_look(self):
        return 42


class Stock(pb.Cacheable):
    def __init__(self):
        self.observers = []

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {"prices": {}}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)

    def set(self, symbol, price):
        for observer in self.observers:
            observer.callRemote("set", symbol, price, pbanswer=False)


class StockCopy(pb.RemoteCache):
    changed = None

    def observe_set(self, symbol, price):
        self.prices[symbol] = price
        if self.changed is not None:
            self.changed()


class Bench(pb.Root):
    def __init__(self):
        self.count = 0
        self.stocks = {}

    def remote_echo(self, note):
        return note

    def remote_open(self):
        return Handle()

    def remote_notify(self, note):
        self.count += 1

    def remote_notified(self):
        count, self.count = self.count, 0
        return count

    def remote_bytes(self, collector):
        util.StringPager(collector, MEGABYTE)

    def remote_watch(self, group):
        return self.stocks.setdefault(group, Stock())

    def remote_update(self, group, count):
        return defer.ensureDeferred(self.update(self.remote_watch(group), count))

    async def update(self, stock, count):
        for made in range(count):
            if made % UPDATES_PER_TURN == 0:
                await task.deferLater(reactor, 0, lambda: None)
            stock.set("TWST", made)


class Member(pb.Avatar):
    def perspective_echo(self, note):
        return note


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return pb.IPerspective, Member(), lambda: None


def serve():
    checker = InMemoryUsernamePasswordDatabaseDontUse(alice=CREDENTIALS[1])
    roots = {"port": Bench(), "memberPort": Portal(Realm(), [checker])}
    ports = {
        name: reactor.listenTCP(0, pb.PBServerFactory(root), interface="127.0.0.1").getHost().port
        for name, root in roots.items()
    }
    answer(ports, {})


async def connect(port, user=None):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", port, factory)
    return factory, await (factory.getRootObject() if user is None else factory.login(UsernamePassword(*user)))


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

    await defer.gatherResults([defer.ensureDeferred(caller()) for _ in range(min(times, CALLS_IN_FLIGHT))])


class Observers:
    """Connections that each keep a copy of the same object."""

    def __init__(self, port, count):
        self.port, self.count = port, count
        self.copies, self.seen, self.expected = [], 0, None

    def changed(self):
        self.seen += 1
        if self.seen == self.expected:
            self.all_seen.callback(None)

    async def see(self, times, root):
        group = f"observed by {self.count}"
        while len(self.copies) < self.count:
            factory, own = await connect(self.port)
            copy = await own.callRemote("watch", group)
            copy.changed = self.changed
            self.copies.append((factory, own, copy))
        self.seen, self.expected, self.all_seen = 0, times * self.count, defer.Deferred()
        await root.callRemote("update", group, times)
        await self.all_seen


async def run_client(port, member_port):
    pb.setUnjellyableForClass("__main__.Stock", StockCopy)
    _, root = await connect(port)
    observers = {count: Observers(port, count) for count in (1, 100)}

    def repeated(work):
        async def action(times):
            for _ in range(times):
                await work()

        return action

    async def reference():
        handle = await root.callRemote("open")
        await handle.callRemote("look")

    async def one_way(times):
        for left in range(times, 0, -ONE_WAY_BATCH):
            for _ in range(min(left, ONE_WAY_BATCH)):
                root.callRemote("notify", NOTE, pbanswer=False)
            assert await root.callRemote("notified") == min(left, ONE_WAY_BATCH)

    async def get_bytes():
        assert len(b"".join(await util.getAllPages(root, "bytes"))) == len(MEGABYTE)

    async def log_in():
        await close(*await connect(member_port, CREDENTIALS))

    assert await root.callRemote("echo", NOTE) == NOTE
    actions = {
        "one": repeated(lambda: root.callRemote("echo", NOTE)),
        "hundred": lambda times: in_flight(times, lambda: root.callRemote("echo", NOTE)),
        "reference": repeated(reference),
        "one-way": one_way,
        "bytes": repeated(get_bytes),
        "updates-1": lambda times: observers[1].see(times, root),
        "updates-100": lambda times: observers[100].see(times, root),
        "login": repeated(log_in),
    }
    answer({}, actions)


if sys.argv[1] == "server":
    reactor.callWhenRunning(serve)
else:
    ports = [int(port) for port in sys.argv[2:]]
    reactor.callWhenRunning(lambda: defer.ensureDeferred(run_client(*ports)).addErrback(fail))
reactor.run()
