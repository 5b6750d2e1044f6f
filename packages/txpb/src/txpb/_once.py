"""The answers of calls that must run once: the peer sends such a call again when its connection was lost."""

from __future__ import annotations

import math
import re
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.spread import banana

from ._errors import AnswerForgotten, AnswerNotKept, OnceRefused
from ._kept import Kept

KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
"""128 random bits have 22 characters in base 64, and 32 hexadecimal digits."""

INSTANCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""The name of a store of answers."""

KEEP_SECONDS = 120.0
"""How long an answer is kept at least."""

MAX_ANSWERS = 1024
"""Calls whose answers are kept, for all peers together."""

MAX_BYTES = 64 * 1024
"""A larger answer is not kept."""


@dataclass
class OnceCall:
    """A call that must run once, and its answer."""

    method: str
    answer: Kept = field(default_factory=Kept)
    running: Optional[Deferred[Any]] = None
    """The result of the method while it runs."""
    finished: Optional[float] = None
    """When the method finished, on the clock of the store. ``None`` while it runs."""


class Answers:
    """The calls of all connections of a factory."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.seconds = seconds
        """A clock that only goes forward."""
        self.instance = secrets.token_hex(16)
        self._calls: OrderedDict[str, OnceCall] = OrderedDict()
        """In the order in which they finished; those that run come in the order in which they arrived."""
        self._forgotten_until = -math.inf

    def describe(self) -> dict[str, Any]:
        """Entries of the answer to ``hello``."""
        return {"instance": self.instance, "clock": float(self.seconds())}

    def arrive(self, key: Any, since: Any, method: str) -> tuple[OnceCall, bool]:
        """A call with a key would run now. Returns it, and whether it is new. Raises when it must not run."""
        if not isinstance(key, str) or KEY.fullmatch(key) is None or not is_time(since):
            raise OnceRefused("The key of the call, or its time, is malformed")
        self._forget_old()
        call = self._calls.get(key)
        if call is not None:
            if call.method != method:
                raise OnceRefused("The key belongs to a call of another method")
            return call, False
        if since <= self._forgotten_until:
            raise AnswerForgotten("The method may or may not have run: its answer would have been forgotten by now")
        if len(self._calls) >= MAX_ANSWERS:
            raise OnceRefused(f"The answers of too many calls are kept: the limit is {MAX_ANSWERS}")
        call = self._calls[key] = OnceCall(method)
        return call, True

    def finish(self, key: str, call: OnceCall, outcome: Any) -> None:
        """The method has finished: ``outcome`` is its serialized result, or a ``Failure``."""
        if not isinstance(outcome, Failure) and not can_be_repeated(outcome):
            outcome = Failure(AnswerNotKept("The method has run, but its answer was lost and cannot be sent again"))
        call.finished = self.seconds()
        call.running = None
        self._calls.move_to_end(key)
        call.answer.settle(outcome)

    def release(self, key: str) -> None:
        """The caller has the answer."""
        call = self._calls.get(key)
        if call is not None and call.finished is not None:
            del self._calls[key]

    def _forget_old(self) -> None:
        oldest = self.seconds() - KEEP_SECONDS
        for key, call in list(self._calls.items()):
            if call.finished is None:
                continue
            if call.finished > oldest:
                return
            self._forgotten_until = call.finished
            del self._calls[key]


def is_time(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def can_be_repeated(jellied: Any) -> bool:
    """Whether a serialized result means the same over another connection, and is small."""
    if mentions_connection(jellied):
        return False
    try:
        return len(banana.encode(jellied)) <= MAX_BYTES
    except banana.BananaError:  # It is too large to be sent.
        return False


OF_CONNECTION = (b"remote", b"local", b"cache", b"cached", b"lcache")


def mentions_connection(jellied: Any) -> bool:
    """Whether a serialized result contains references or caches."""
    lists = [jellied]
    while lists:
        item = lists.pop()
        if isinstance(item, (list, tuple)) and item:
            if item[0] in OF_CONNECTION:
                return True
            lists += item
    return False
