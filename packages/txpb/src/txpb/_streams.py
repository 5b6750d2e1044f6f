"""Streams: asynchronous iterables that the peer reads, and those of the peer."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any, Optional, Union

from twisted.internet.defer import CancelledError, Deferred
from twisted.python import log
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.banana import SIZE_LIMIT

BATCH_BYTES = 128 * 1024
"""The bytes of items at which a source answers, although more were asked for, and takes no further ones in advance."""

MOST_ITEMS = 1024
"""The most items that one call may ask for, and that are taken in advance."""

MOST_WAITING = 64
"""Calls for items that may wait."""

MOST_STREAMS = 100
"""Sources that one peer may have open."""

WINDOW_BYTES = 2 * 1024 * 1024
"""Bytes that wait to be read, together with those that are expected."""

MOST_CALLS = 16
"""Calls of a reader for items."""


def is_stream(value: Any) -> bool:
    """Whether a result or an argument is sent as a stream: an ``async def`` method that yields returns one."""
    return hasattr(type(value), "__aiter__") and not isinstance(value, (pb.Jellyable, pb.RemoteReference, Stream))


def size_of(item: Any) -> int:
    """The bytes of an item, by an estimate."""
    if isinstance(item, (bytes, str)):
        return 16 + len(item)
    if isinstance(item, (list, tuple, set, frozenset, dict)):
        return 16 + 64 * len(item)
    return 16 if item is None or isinstance(item, (int, float)) else 4096


class Source(pb.Referenceable):
    """A stream of this end. Items are taken from it when the peer asks for them."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._iterator: Optional[AsyncIterator[Any]] = None
        self._waiting: deque[tuple[int, Deferred[list[Any]]]] = deque()
        self._items: deque[Any] = deque()
        self._bytes = 0
        self._credit = 0
        """Items that were asked for, and that were not taken from the stream."""
        self._taking: Optional[Deferred[Any]] = None
        self._failure: Optional[Failure] = None
        self._ended = False
        self._advancing = False
        self._released = False
        self._broker: Any = None

    def jellyFor(self, jellier: Any) -> Any:
        broker = jellier.invoker
        if self._broker is None and broker is not None:
            if len(broker.pbx_sources) >= MOST_STREAMS:
                self._broker = broker
                self.close()
                raise pb.Error(f"Too many streams are open: the limit is {MOST_STREAMS}. Read them to their end")
            self._broker = broker
            broker.pbx_sources.add(self)
            broker.notifyOnDisconnect(self.close)
            broker._localCleanup[self.processUniqueID()] = self._release
        try:
            return super().jellyFor(jellier)
        except BaseException:
            if broker is not None and self.processUniqueID() not in broker.luids:
                # The peer will not release what it does not get.
                broker._localCleanup.pop(self.processUniqueID(), None)
                self.close()
            raise

    def remote_next(self, count: Any = 1) -> Deferred[list[Any]]:
        """At least one item and at most ``count``. An empty list is the end."""
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise pb.Error("next() takes the number of items that are wanted, an integer of at least 1")
        if len(self._waiting) >= MOST_WAITING:
            raise pb.Error(f"More than {MOST_WAITING} calls wait for items of a stream")
        wanted = min(count, MOST_ITEMS)
        answer: Deferred[list[Any]] = Deferred(self._forget)
        self._waiting.append((wanted, answer))
        asked = sum(waiting for waiting, _ in self._waiting)
        self._credit = min(self._credit + wanted, asked + MOST_ITEMS)
        self._advance()
        return answer

    def _forget(self, answer: Deferred[list[Any]]) -> None:
        """The peer has canceled its call: no item is lost."""
        self._waiting = deque(entry for entry in self._waiting if entry[1] is not answer)
        self._close_if_released()

    def _release(self) -> None:
        """Calls that still wait are answered first. A reader that leaves cancels its calls."""
        self._released = True
        self._close_if_released()

    def _close_if_released(self) -> None:
        if self._released and not self._waiting:
            self.close()

    def _advance(self) -> None:
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._may_take():
                self._take()
            while self._waiting and (self._items or self._ended):
                self._answer(*self._waiting.popleft())
                while self._may_take():
                    self._take()
            self._close_if_released()
        finally:
            self._advancing = False

    def _may_take(self) -> bool:
        return self._credit > 0 and self._bytes < BATCH_BYTES and self._taking is None and not self._ended

    def _answer(self, count: int, answer: Deferred[list[Any]]) -> None:
        if not self._items and self._failure is not None:
            failure, self._failure = self._failure, None
            answer.errback(failure)
            return
        items: list[Any] = []
        size = 0
        while self._items and len(items) < count and size < BATCH_BYTES:
            items.append(self._items.popleft())
            size += size_of(items[-1])
        self._bytes -= size
        answer.callback(items)

    def _take(self) -> None:
        self._credit -= 1
        self._taking = taking = Deferred.fromCoroutine(self._next())
        taking.addCallbacks(self._taken, self._failed)

    async def _next(self) -> tuple[bool, Any]:
        if self._iterator is None:
            self._iterator = self._stream.__aiter__()
        try:
            return True, await self._iterator.__anext__()
        except StopAsyncIteration:
            return False, None

    def _taken(self, result: tuple[bool, Any]) -> None:
        self._taking = None
        is_item, item = result
        if is_item and isinstance(item, (bytes, str)) and len(item) > SIZE_LIMIT:
            self._failed(Failure(pb.Error(f"An item of a stream has {len(item)} bytes, and the limit is {SIZE_LIMIT}")))
            self._end_iteration()
            return
        if is_item and not self._ended:
            self._items.append(item)
            self._bytes += size_of(item)
        elif not is_item:
            self._leave()
        self._advance()

    def _failed(self, failure: Failure) -> None:
        self._taking = None
        if not self._ended:
            self._failure = failure
            self._leave()
        elif failure.check(CancelledError) is None:
            log.err(failure, "A stream failed after its reader had left")
        self._advance()

    def _leave(self) -> None:
        self._ended = True
        if self._broker is not None:
            self._broker.pbx_sources.discard(self)
            if not self._broker.disconnected:
                self._broker.dontNotifyOnDisconnect(self.close)

    def close(self) -> None:
        """The peer does not read the stream anymore. What the generator waits for is canceled."""
        if self._ended:
            return
        self._leave()
        self._items.clear()
        if self._taking is not None:
            self._taking.addBoth(lambda _: self._end_iteration())
            self._taking.cancel()
        else:
            self._end_iteration()
        self._advance()

    def _end_iteration(self) -> None:
        ending = getattr(self._iterator or self._stream, "aclose", None)
        if ending is not None:
            Deferred.fromCoroutine(ending()).addErrback(lambda failure: log.err(failure, "A stream could not be closed"))


class Stream:
    """The items of a stream of the peer: ``async for item in txpb.iterate(reference)``."""

    def __init__(self, reference: Any) -> None:
        self._reference = reference
        self._answers: deque[tuple[int, Deferred[Any]]] = deque()
        self._items: deque[Any] = deque()
        self._bytes = 0
        self._count = 16
        self._most_calls = 1
        self._expected = 0
        self._ended = False
        self._awaited = False
        """Whether an item is waited for. Its call is the first one."""

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> Any:
        while not self._items:
            if self._ended:
                raise StopAsyncIteration
            self._ask()
            count, answer = self._answers[0]
            is_awaited = not answer.called
            try:
                self._awaited = True
                try:
                    items = await answer
                finally:
                    self._awaited = False
                self._answers.popleft()
                self._received(count, items, is_awaited)
            except BaseException as error:
                if self._ended and isinstance(error, CancelledError):
                    raise StopAsyncIteration from None  # The program has closed the stream.
                if self._answers and self._answers[0][1] is answer:
                    self._answers.popleft()
                self.close()
                raise
        item = self._items.popleft()
        self._bytes -= size_of(item)
        if not self._ended:
            self._ask()
        return item

    def _ask(self) -> None:
        from ._calls import call  # It imports the broker, which imports this.

        while len(self._answers) < self._most_calls:
            expected = self._bytes + len(self._answers) * self._expected
            waiting = len(self._items) + sum(count for count, _ in self._answers)
            is_full = expected >= WINDOW_BYTES or waiting >= self._count * self._most_calls
            if is_full and (self._answers or self._items):
                return
            answer = call(self._reference, "next", self._count)
            self._answers.append((self._count, answer))

    def _received(self, count: int, items: Any, is_awaited: bool) -> None:
        if not isinstance(items, (list, tuple)) or len(items) > count:
            raise pb.Error(f"The source of a stream was asked for at most {count} items, and answered something else")
        if not items:
            self.close()
            return
        self._items.extend(items)
        size = sum(size_of(item) for item in items)
        self._bytes += size
        self._expected = size
        if is_awaited and (2 * len(items) >= count or size >= BATCH_BYTES // 2):
            self._count = min(2 * self._count, MOST_ITEMS)
            self._most_calls = min(2 * self._most_calls, MOST_CALLS)
        elif not is_awaited and self._bytes > WINDOW_BYTES // 2:
            self._count = max(self._count // 2, 1)
            self._most_calls = max(self._most_calls // 2, 1)

    def close(self) -> None:
        """Ends the iteration, and with it the stream at the other end. So does leaving the loop in CPython."""
        if self._ended:
            return
        self._ended = True
        self._items.clear()
        answers, self._answers = self._answers, deque()
        for index, (_, answer) in enumerate(answers):
            answer.cancel()
            if index > 0 or not self._awaited:
                answer.addErrback(lambda _: None)  # Nobody waits for it.
        reference = self._reference
        if reference.doRefCount and not reference.broker.disconnected:
            reference.doRefCount = 0
            reference.broker.sendDecRef(reference.luid)

    async def aclose(self) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def iterate(reference: Union[pb.RemoteReference, Stream]) -> Stream:
    """Reads a stream of the peer, whose source ``reference`` is: ``async for item in iterate(reference)``.

    Items are asked for in advance: up to 2 MiB and a few calls. The end of the iteration releases the source, which no
    other part of the program can use afterwards. Fails as a call.
    """
    return reference if isinstance(reference, Stream) else Stream(reference)
