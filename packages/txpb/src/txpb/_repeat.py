"""Calls that run once: they are sent again when their connection was lost, and the peer repeats its answer."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.spread import pb

from ._broker import PbxBroker
from ._calls import start, with_timeout
from ._errors import GoingAway, OutcomeUnknown

if TYPE_CHECKING:
    from ._broker import Instance

MAX_SENDS = 3
"""Connections in a row that may end under a call. A call that ends the connection is not sent again for ever."""

Find = Callable[[], Any]


class Outcome(NamedTuple):
    """An answer, or why there is none."""

    value: Any
    failure: Optional[Failure]

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended, or was about to. An error of the method is never that."""
        failure = self.failure
        if failure is None or isinstance(failure, pb.CopiedFailure):
            return False
        return failure.check(pb.PBConnectionLost, pb.DeadReferenceError) is not None


class OnceKey:
    """What the messages of one call have in common."""

    def __init__(self) -> None:
        self.key = secrets.token_urlsafe(16)
        self.sends = 0
        """How often it was sent with its key."""
        self.may_repeat = True
        """Whether the last peer to which it was sent keeps its answer, or it was not sent."""
        self._instance: Optional[str] = None
        self._since = 0.0

    def note(self, peer: Optional[Instance]) -> dict[str, Any]:
        """The entries of the note. Raises when the call was sent to another peer, or to another run of its program."""
        if self.sends > 0 and (peer is None or peer.name != self._instance):
            raise OutcomeUnknown("The method may or may not have run: the server was started again, or keeps no answers")
        self.may_repeat = peer is not None
        if peer is None:
            return {}
        if self.sends == 0:
            self._instance, self._since = peer.name, peer.now()
        self.sends += 1
        return {"key": self.key, "since": self._since}


def call_once(find: Find, _name: str, *args: Any, timeout: Optional[float] = None, **kw: Any) -> Deferred[Any]:
    """Calls a remote method that runs once, although the connection may be lost before the answer is there.

    ``find`` returns the reference to call, or a Deferred of it. It is called again after each loss, and has to wait for
    the next connection then, as ``factory.getRootObject`` and ``factory.login`` do for a factory that reconnects.
    ``timeout`` is in seconds, for all connections together. Without it, the call waits as long as ``find`` does.

    Fails with :class:`OutcomeUnknown` when the peer cannot tell whether the method has run, with what ``find`` fails
    with, if the call was not sent, and as :func:`call`. For a stock peer, it is an ordinary call.
    """
    return with_timeout(Deferred.fromCoroutine(send(find, _name, args, kw, timeout)), timeout)


async def send(find: Find, name: str, args: tuple[Any, ...], kw: dict[str, Any], timeout: Optional[float]) -> Any:
    once = OnceKey()
    losses = 0
    # A failure is returned, and not raised: the Deferred fails with it, as that of `call` with one that was received.
    while True:
        found = await outcome_of(maybeDeferred(find))
        if found.failure is not None:
            if once.sends > 0:
                raise unknown(found.failure)
            return found.failure
        reference = found.value
        outcome = await attempt(reference, name, args, kw, timeout, once)
        failure = outcome.failure
        if failure is None:
            return outcome.value
        if failure.check("pbx.AnswerForgotten"):
            raise unknown(failure)
        if not outcome.is_lost:
            return failure
        if failure.check(GoingAway) and once.sends == 0:
            await closed(reference.broker)  # The call was not sent.
            continue
        losses += 1
        if not once.may_repeat:
            raise unknown(failure)
        if losses >= MAX_SENDS:
            if once.sends > 0:
                raise unknown(failure)
            return failure


async def attempt(
    reference: Any, name: str, args: tuple[Any, ...], kw: dict[str, Any], timeout: Optional[float], once: OnceKey
) -> Outcome:
    """Sends the call over one connection."""
    broker = reference.broker
    if broker.disconnected:
        return Outcome(None, Failure(pb.DeadReferenceError("The connection has ended")))
    note: dict[str, Any] = {}
    if isinstance(broker, PbxBroker):
        await broker.ask()
        if broker.disconnected:
            return Outcome(None, Failure(pb.DeadReferenceError("The connection has ended")))
        if broker.pbx.retry_after is not None:
            return Outcome(None, Failure(GoingAway("The peer is about to close the connection")))
        note = once.note(broker.peer_instance)
    else:
        once.note(None)
    outcome = await outcome_of(start(reference, name, args, kw, timeout, expect=False, once=note)[1])
    if not outcome.is_lost and once.sends == 1 and note and not broker.disconnected:
        broker.tell(b"forget", once.key)  # This end has the answer, and the call was sent once.
    return outcome


async def outcome_of(deferred: Deferred[Any]) -> Outcome:
    return await deferred.addCallbacks(lambda value: Outcome(value, None), lambda failure: Outcome(None, failure))


def closed(broker: Any) -> Deferred[None]:
    """Fires when the connection has ended."""
    ended: Deferred[None] = Deferred()
    if broker.disconnected:
        ended.callback(None)
        return ended

    def tell() -> None:
        if not ended.called:
            ended.callback(None)

    broker.notifyOnDisconnect(tell)
    return ended


def unknown(failure: Failure) -> OutcomeUnknown:
    error = OutcomeUnknown(f"The method may or may not have run: {failure.getErrorMessage()}")
    error.__cause__ = failure.value if isinstance(failure.value, BaseException) else None
    return error
