"""Ends connections without losing calls."""

from __future__ import annotations

from typing import Any, Callable

from twisted.internet.defer import Deferred, gatherResults
from twisted.spread import pb

from ._broker import PbxBroker

QUIET_CHECK = 0.05
"""Seconds between two looks at a connection with a stock peer, which is closed when no call is running."""


def drain(factory: Any, retry_after: float = 0.0, timeout: float = 30.0) -> Deferred[None]:
    """Says goodbye to the peers of an upgraded factory, and fires when all connections have ended.

    Stop listening first. The peers make no further calls, wait for the answers of those they have sent, and close.
    ``retry_after`` tells them after how many seconds they can connect again. A connection with a stock peer is closed
    when none of its calls is running: a call that is on its way is lost. After ``timeout`` seconds, all are closed.
    """
    brokers: set[PbxBroker] = factory.protocol.pbx_connections
    ends = [end_of(broker, retry_after, timeout) for broker in list(brokers)]
    return gatherResults(ends).addCallback(lambda _: None)


def end_of(broker: PbxBroker, retry_after: float, timeout: float) -> Deferred[None]:
    ended: Deferred[None] = Deferred()
    clock = broker.pbx_clock
    limit = clock.callLater(timeout, broker.transport.abortConnection)

    def close_when_quiet() -> None:
        if broker.disconnected:
            return
        if broker.pbx.running or broker.waitingForAnswers:
            clock.callLater(QUIET_CHECK, close_when_quiet)
        else:
            broker.transport.loseConnection()

    def say_goodbye(features: frozenset[str]) -> None:
        if "goaway" in features:
            broker.tell(b"goaway", {"retryAfter": float(retry_after)})
        else:
            close_when_quiet()

    def lost() -> None:
        if limit.active():
            limit.cancel()
        ended.callback(None)

    broker.notifyOnDisconnect(lost)
    broker.ask().addCallback(say_goodbye)
    return ended


def notify_on_go_away(reference: pb.RemoteReference, callback: Callable[[float], object]) -> None:
    """Runs ``callback(retry_after)`` once, when the peer says that it will close; at once, if it has said so.

    ``retry_after`` is in seconds: when it makes sense to connect again. Does nothing for a connection of a factory that
    is not upgraded.
    """
    broker = reference.broker
    if isinstance(broker, PbxBroker) and not broker.disconnected:
        broker.pbx.notify_on_go_away(callback)
