"""Twisted as a contender: `server`, `client GUEST_PORT MEMBER_PORT`, `codec`, or `jelly`.

Does the same as calls/program.ts and codec/main.ts: each line of JSON on stdin names an action, and gets one line.
"""

import collections
import json
import sys
import time
import types

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import UsernamePassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet import defer, reactor, task, threads
from twisted.spread import banana, jelly, pb, util
from zope.interface import implementer

CALLS_IN_FLIGHT = 100
ONE_WAY_BATCH = 10_000
UPDATES_PER_TURN = 10
TEXT = "short text"
NOTE = {"user": "alice", "room": 7, "text": "Is anybody there?", "urgent": False}
CREDENTIALS = (b"alice", b"correct horse battery staple")
MEGABYTE = b"\7" * 1_000_000


async def answer(actions):
    """Performs the actions that are named on stdin until stdin ends."""
    while line := await threads.deferToThread(sys.stdin.readline):
        request = json.loads(line)
        name = request.pop("action")
        action = actions[name] if name != "" else None
        cpu, start = time.process_time(), time.perf_counter()
        if action is not None:
            await action(**request)
        seconds, cpu_total = time.perf_counter() - start, time.process_time()
        print(json.dumps({"seconds": seconds, "cpu": cpu_total - cpu, "cpuTotal": cpu_total}), flush=True)


def repeated(work):
    async def action(times):
        for _ in range(times):
            result = work()
            if result is not None:
                await result

    return action


class Handle(pb.Referenceable):
    remote_look = lambda self: 42


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
        self.stocks = collections.defaultdict(Stock)

    remote_echo = lambda self, note: note
    remote_open = lambda self: Handle()
    remote_watch = lambda self, group: self.stocks[group]

    def remote_notify(self, note):
        self.count += 1

    def remote_notified(self):
        count, self.count = self.count, 0
        return count

    def remote_bytes(self, collector):
        util.StringPager(collector, MEGABYTE)

    @defer.inlineCallbacks
    def remote_update(self, group, count):
        for made in range(count):
            if made % UPDATES_PER_TURN == 0:
                yield task.deferLater(reactor, 0, lambda: None)
            self.stocks[group].set("TWST", made)


class Member(pb.Avatar):
    perspective_echo = lambda self, note: note


@implementer(IRealm)
class Realm:
    requestAvatar = lambda self, avatarId, mind, *interfaces: (pb.IPerspective, Member(), lambda: None)


def serve():
    checker = InMemoryUsernamePasswordDatabaseDontUse(alice=CREDENTIALS[1])
    roots = [Bench(), Portal(Realm(), [checker])]
    return [reactor.listenTCP(0, pb.PBServerFactory(root), interface="127.0.0.1").getHost().port for root in roots]


async def connect(port, user=None):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", port, factory)
    return factory, await (factory.getRootObject() if user is None else factory.login(UsernamePassword(*user)))


async def in_flight(times, call):
    turns = iter(range(times))

    async def caller():
        for _ in turns:
            await call()

    await defer.gatherResults([defer.ensureDeferred(caller()) for _ in range(min(times, CALLS_IN_FLIGHT))])


def updates(port, root, count):
    """Changes an object, and waits until that many connections, each with a copy of it, have seen all changes."""
    group = f"observed by {count}"
    copies = []
    missing, all_seen = 0, None

    def changed():
        nonlocal missing
        missing -= 1
        if missing == 0:
            all_seen.callback(None)

    async def action(times):
        nonlocal missing, all_seen
        while len(copies) < count:
            _, own = await connect(port)
            copies.append(await own.callRemote("watch", group))
            copies[-1].changed = changed
        missing, all_seen = times * count, defer.Deferred()
        await root.callRemote("update", group, times)
        await all_seen

    return action


async def client_actions(port, member_port):
    pb.setUnjellyableForClass("__main__.Stock", StockCopy)
    _, root = await connect(port)

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
        factory, avatar = await connect(member_port, CREDENTIALS)
        gone = defer.Deferred()
        avatar.notifyOnDisconnect(lambda _: gone.callback(None))
        factory.disconnect()
        await gone

    assert await root.callRemote("echo", NOTE) == NOTE
    return {
        "one": repeated(lambda: root.callRemote("echo", NOTE)),
        "text": repeated(lambda: root.callRemote("echo", TEXT)),
        "hundred": lambda times: in_flight(times, lambda: root.callRemote("echo", NOTE)),
        "reference": repeated(reference),
        "one-way": one_way,
        "bytes": repeated(get_bytes),
        "updates-1": updates(port, root, 1),
        "updates-100": updates(port, root, 100),
        "login": repeated(log_in),
    }


def codec_actions(suite):
    """Encodes and decodes with Banana, or with jelly and Banana, without a connection."""
    received = []
    connection = banana.Banana()
    connection.makeConnection(types.SimpleNamespace(write=lambda data: None))
    connection._selectDialect(b"pb")
    connection.expressionReceived = received.append
    data, value = b"", None

    def decode():
        nonlocal value
        connection.dataReceived(data)
        tree = received.pop()
        value = tree if suite == "codec" else jelly.unjelly(tree, jelly.globalSecurity)

    def encode():
        connection.sendEncoded(value if suite == "codec" else jelly.jelly(value, jelly.globalSecurity))

    async def load(hex):
        nonlocal data
        data = bytes.fromhex(hex)
        decode()

    return {"load": load, "decode": repeated(decode), "encode": repeated(encode)}


async def main(_reactor, side, *ports):
    print(json.dumps(serve() if side == "server" else []), flush=True)
    if side == "client":
        await answer(await client_actions(*map(int, ports)))
    else:
        await answer({} if side == "server" else codec_actions(side))


task.react(main, sys.argv[1:])
