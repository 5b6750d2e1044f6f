"""Calls with a deadline, calls that can be canceled, and calls to results that are not there yet."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Optional, Union

from twisted.internet.defer import Deferred, TimeoutError, fail
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.jelly import Jellyable

from ._broker import PbxBroker
from ._context import context
from ._errors import UNKNOWN_OBJECT, NotAReference
from ._kept import Kept
from ._pbx import LONGEST_TIMER
from ._values import is_plain


class Pipelined(Jellyable):
    """The result of a call that has been sent. Call its methods at once, or wait for it with ``await`` or ``get()``."""

    perspective = None

    def __init__(self, broker: Any, request_id: int, outcome: Kept, answer: Deferred[Any]) -> None:
        self.broker = broker
        self._answer = answer
        self.luid = b"pbx:%d" % request_id
        self.request_id = request_id
        self.outcome = outcome

    def get(self) -> Deferred[Any]:
        """Fires with the result. Each call of ``get`` returns another Deferred."""
        return self.outcome.get()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.get().__await__()

    def cancel(self) -> None:
        """Cancels the call whose result this is. The calls to the result fail."""
        self._answer.cancel()

    def jellyFor(self, jellier: Any) -> Any:
        raise TypeError("The result of a call cannot be an argument before it is there: await it first")

    def callRemote(self, _name: str, *args: Any, **kw: Any) -> Deferred[Any]:
        """Calls a method of the result. Fails if the result is no reference, and as the first call fails."""
        return call(self, _name, *args, **kw)


Target = Union[pb.RemoteReference, Pipelined]


def call(reference: Target, _name: str, *args: Any, timeout: Optional[float] = None, **kw: Any) -> Deferred[Any]:
    """Calls a remote method, as ``callRemote`` does, with what the extensions add.

    After ``timeout`` seconds, and if the Deferred is canceled, the peer cancels its method. In a method that was itself
    called with a deadline, the time that is left is the limit. The trace context of that call goes along.

    Fails with ``TimeoutError``, ``CancelledError``, ``GoingAway``, and as ``callRemote``. Towards a stock peer, the
    method runs on.
    """
    return start(reference, _name, args, kw, timeout, expect=False)[1]


def pipe(reference: Target, _name: str, *args: Any, timeout: Optional[float] = None, **kw: Any) -> Pipelined:
    """Calls a remote method whose result is a reference, and returns something that can be called at once.

    The calls that follow are sent without waiting. Towards a stock peer they wait for the result: the outcome is the
    same, one round trip later for each call.
    """
    request_id, result = start(reference, _name, args, kw, timeout, expect=True)
    outcome = Kept()
    broker = reference.broker

    def done(value: Any) -> None:
        outcome.settle(value)
        if isinstance(broker, PbxBroker) and request_id and broker.may("expect"):
            broker.tell(b"forget", request_id)

    result.addBoth(done)
    return Pipelined(broker, request_id, outcome, result)


def start(
    reference: Target,
    name: str,
    args: tuple[Any, ...],
    kw: dict[str, Any],
    timeout: Optional[float],
    expect: bool,
    once: Optional[dict[str, Any]] = None,
) -> tuple[int, Deferred[Any]]:
    """Returns the number of the call, 0 if it is not sent yet, and its result. ``once`` is added to its note."""
    running = context()
    left = None if running is None else running.remaining()
    seconds = min((limit for limit in (timeout, left) if limit is not None), default=None)
    if seconds is not None and seconds <= 0:
        return 0, fail(TimeoutError("The time for the call is over"))
    if isinstance(reference, Pipelined) and not can_be_sent(reference, args, kw):
        return 0, reference.get().addCallback(call_result, name, args, kw, timeout)
    broker = reference.broker
    if not isinstance(broker, PbxBroker):
        return 0, with_timeout(reference.callRemote(name, *args, **kw), seconds)

    note: dict[str, Any] = dict(once or {})
    if seconds is not None:
        note["deadline"] = float(seconds)
    if running is not None and running.traceparent is not None:
        note["traceparent"] = running.traceparent
        if running.tracestate is not None:
            note["tracestate"] = running.tracestate
        if running.baggage is not None:
            note["baggage"] = running.baggage
    try:
        request_id, answer = broker.send(reference.perspective, reference.luid, name, args, dict(kw), note, expect)
    except pb.DeadReferenceError:
        return 0, fail()

    def cancel(_: object) -> None:
        if broker.may("cancel"):
            broker.tell(b"cancel", request_id)

    result: Deferred[Any] = Deferred(cancel)

    def answered(value: Any) -> None:
        if result.called:  # A late answer is dropped.
            return
        if seconds is not None and isinstance(value, Failure) and value.check("pbx.Canceled"):
            value = Failure(TimeoutError(seconds, "Deferred"))  # The clock of the peer was faster.
        result.callback(value)

    def refused(failure: Failure) -> Any:
        # The peer keeps no results, or no further one. The method has not run.
        if not isinstance(reference, Pipelined) or not is_unknown(failure):
            return failure
        return reference.get().addCallback(call_result, name, args, kw, timeout)

    answer.addErrback(refused)
    answer.addBoth(answered)
    return request_id, with_timeout(result, seconds, broker)


def can_be_sent(target: Pipelined, args: Any, kw: Any) -> bool:
    """Whether a call to the result can be sent before the result is there."""
    broker = target.broker
    if target.request_id == 0 or target.outcome.is_known or not isinstance(broker, PbxBroker) or broker.disconnected:
        return False
    # A stock peer would not read the arguments, and so never release what is in them.
    return broker.may("expect") and (broker.peer_features is not None or is_plain((args, kw)))


def call_result(
    value: Any, name: str, args: tuple[Any, ...], kw: dict[str, Any], timeout: Optional[float]
) -> Deferred[Any]:
    if not isinstance(value, pb.RemoteReference):
        raise NotAReference(f"The result of the call is a {type(value).__name__}, not a reference")
    return call(value, name, *args, timeout=timeout, **kw)


def is_unknown(failure: Failure) -> bool:
    """Whether the peer does not know the object that was called."""
    return failure.check("twisted.spread.pb.Error") is not None and failure.getErrorMessage() == UNKNOWN_OBJECT


def with_timeout(result: Deferred[Any], seconds: Optional[float], broker: Optional[PbxBroker] = None) -> Deferred[Any]:
    if seconds is None or seconds > LONGEST_TIMER:
        return result
    from twisted.internet import reactor

    clock: Any = reactor if broker is None else broker.pbx_clock
    return result.addTimeout(seconds, clock)
