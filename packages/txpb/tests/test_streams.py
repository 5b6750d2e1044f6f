"""Streams over loopback: between two upgraded ends, and with stock ones."""

from twisted.internet.defer import Deferred, gatherResults
from twisted.spread import pb

import txpb
from test_txpb import Case
from test_txpb import Server as Plain
from test_txpb import deferred


class StockSource(pb.Referenceable):
    """A stream without txpb."""

    def __init__(self, items):
        self.items = list(items)

    def remote_next(self, count=1):
        items, self.items = self.items[:count], self.items[count:]
        return items


class Server(Plain):
    def __init__(self):
        super().__init__()
        self.produced = self.closed = 0
        self.opened = Deferred()

    async def remote_numbers(self, count):
        try:
            for number in range(count):
                self.produced += 1
                yield number
        finally:
            self.closed += 1

    async def remote_waiting(self):
        try:
            yield "first"
            await self.opened
        finally:
            self.closed += 1

    async def remote_failing(self, count):
        for number in range(count):
            yield number
        raise pb.Error("no paper")

    async def remote_large(self):
        yield b"small"
        yield b"x" * 700_000

    async def remote_chunks(self, count):
        for _ in range(count):
            self.produced += 1
            yield b"x" * 65_536

    def remote_stock(self, count):
        return StockSource(range(count))

    def remote_odd(self):
        return Odd()

    async def remote_sum(self, numbers):
        total = 0
        async for number in txpb.iterate(numbers):
            total += number
        return total


class Odd(pb.Referenceable):
    def remote_next(self, count=1):
        return [0] * (count + 1)


class StreamCase(Case):
    new_server = Server


class Sources:
    """The server has txpb."""

    def __init_subclass__(cls):
        for name, method in list(vars(Sources).items()):
            if name.startswith("test"):
                setattr(cls, name, deferred(method))
        super().__init_subclass__()

    async def items(self, name, *args):
        return [item async for item in txpb.iterate(await self.root.callRemote(name, *args))]

    async def test_arrive_in_order(self):
        self.assertEqual(await self.items("numbers", 2000), list(range(2000)))
        self.assertEqual(self.server.closed, 1)
        self.assertEqual(await self.items("numbers", 0), [])

    async def test_by_hand(self):
        numbers = await self.root.callRemote("numbers", 5)
        self.assertEqual(await numbers.callRemote("next"), [0])
        self.assertEqual(self.server.produced, 1)
        self.assertEqual(await numbers.callRemote("next", count=3), [1, 2, 3])
        self.assertEqual(await numbers.callRemote("next", 100), [4])
        self.assertEqual(await numbers.callRemote("next", 100), [])
        for count in (0, -1, 1.5, float("nan"), True, "1", None):
            with self.assertRaises(Exception):
                await numbers.callRemote("next", count)

    async def test_end_when_the_reader_leaves(self):
        async for number in txpb.iterate(await self.root.callRemote("numbers", 10**9)):
            if number == 20:
                break
        await self.until(lambda: self.server.closed)
        self.assertLess(self.server.produced, 300)

    async def test_end_with_the_connection(self):
        stream = txpb.iterate(await self.root.callRemote("waiting"))
        self.assertEqual(await stream.__anext__(), "first")
        waiting = Deferred.fromCoroutine(stream.__anext__())
        self.root.broker.transport.loseConnection()
        await self.failing(waiting, pb.PBConnectionLost)
        await self.until(lambda: self.server.closed)

    async def test_errors_come_after_the_items(self):
        stream = txpb.iterate(await self.root.callRemote("failing", 40))
        items = []
        with self.assertRaisesRegex(Exception, "no paper"):
            async for item in stream:
                items.append(item)
        self.assertEqual(items, list(range(40)))
        with self.assertRaises(StopAsyncIteration):
            await stream.__anext__()

    async def test_an_item_that_is_too_large(self):
        stream = txpb.iterate(await self.root.callRemote("large"))
        self.assertEqual(await stream.__anext__(), b"small")
        with self.assertRaisesRegex(Exception, "700000 bytes"):
            await stream.__anext__()

    async def test_are_not_far_ahead(self):
        stream = txpb.iterate(await self.root.callRemote("chunks", 10**9))
        for _ in range(60):
            await stream.__anext__()
        await self.answered()
        self.assertLess((self.server.produced - 60) * 65_536, 8 * 1024 * 1024)
        stream.close()

    async def test_too_many(self):
        kept = await gatherResults([self.root.callRemote("numbers", 1) for _ in range(100)])
        with self.assertRaisesRegex(Exception, "Too many streams"):
            await self.root.callRemote("numbers", 1)
        self.assertEqual([item async for item in txpb.iterate(kept.pop())], [0])
        await self.root.callRemote("numbers", 1)

    async def test_no_place_for_the_reference(self):
        self.patch(txpb._streams, "MOST_STREAMS", 1)
        with_place = self.patch(pb, "MAX_BROKER_REFS", -1)
        with self.assertRaisesRegex(Exception, "Maximum PB reference count exceeded"):
            await self.root.callRemote("numbers", 3)
        with_place.restore()
        self.assertEqual(await self.items("numbers", 3), [0, 1, 2])

    async def test_a_flood_of_calls(self):
        waiting = await self.root.callRemote("waiting")
        self.assertEqual(await waiting.callRemote("next"), ["first"])
        refused = []
        for _ in range(80):
            waiting.callRemote("next", 2**53).addErrback(refused.append)
        await self.until(lambda: len(refused) == 16)



class BothUpgraded(Sources, StreamCase):
    async def test_end_what_it_waits_for_when_the_reader_leaves(self):
        stream = txpb.iterate(await self.root.callRemote("waiting"))
        self.assertEqual(await stream.__anext__(), "first")
        waiting = Deferred.fromCoroutine(self.rest(stream))
        await self.answered()
        stream.close()
        await self.until(lambda: self.server.closed)
        self.assertEqual(await waiting, [])

    async def rest(self, stream):
        return [item async for item in stream]

    async def test_as_an_argument(self):
        self.assertEqual(await self.root.callRemote("sum", Server().remote_numbers(1000)), 499_500)
        source = Server()
        self.assertEqual(await self.root.callRemote("sum", numbers=source.remote_numbers(3)), 3)
        self.assertEqual(source.closed, 1)


class ClientIsStock(Sources, StreamCase):
    """The caller has no txpb, and reads by hand or with the reader."""

    client_is_upgraded = False

    async def test_a_call_is_answered_although_the_reference_is_released(self):
        source = await self.root.callRemote("numbers", 10**9)
        answer = source.callRemote("next", 2)
        del source
        self.assertEqual(await answer, [0, 1])
        await self.until(lambda: self.server.closed)


class ServerIsStock(StreamCase):
    """The reader works with any object that has ``remote_next``."""

    server_is_upgraded = False

    async def test_arrive_in_order(self):
        stream = txpb.iterate(await self.root.callRemote("stock", 2000))
        self.assertEqual([item async for item in stream], list(range(2000)))

    async def test_odd_sources(self):
        with self.assertRaisesRegex(pb.Error, "at most 16 items"):
            await txpb.iterate(await self.root.callRemote("odd")).__anext__()
