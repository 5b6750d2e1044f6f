"""What the caller said about the call that is running."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Callable, Optional, Protocol


class Timer(Protocol):
    """A call that will be made later: ``twisted.internet.interfaces.IDelayedCall``."""

    def active(self) -> bool: ...

    def cancel(self) -> None: ...


class Clock(Protocol):
    """The reactor, or a ``twisted.internet.task.Clock``: ``twisted.internet.interfaces.IReactorTime``."""

    def seconds(self) -> float: ...

    def callLater(self, delay: float, callable: Callable[..., Any], *args: Any, **kw: Any) -> Any: ...


@dataclass(frozen=True)
class Call:
    """A call of the peer that is running."""

    broker: Any
    """The connection."""

    traceparent: Optional[str] = None
    """The position in a trace, as the header of that name (W3C Trace Context)."""

    tracestate: Optional[str] = None
    """What belongs to it, as the header of that name."""

    baggage: Optional[str] = None
    """Properties of the trace that the caller passes on, as the header of that name (W3C Baggage). The peer chooses it."""

    ends_at: Optional[float] = None
    """When the caller stops waiting, in seconds of the clock of this process."""

    clock: Optional[Clock] = None

    def remaining(self) -> Optional[float]:
        """The seconds until the caller stops waiting, at least 0. ``None`` if it did not say."""
        if self.ends_at is None or self.clock is None:
            return None
        return max(0.0, self.ends_at - self.clock.seconds())


current: ContextVar[Optional[Call]] = ContextVar("txpb_call", default=None)


def context() -> Optional[Call]:
    """The call whose method is running, or ``None`` outside of a method that a peer has called.

    ``async def`` methods and ``inlineCallbacks`` keep it over each ``await`` and ``yield``. Callbacks do not: call this
    before you add them.
    """
    return current.get()
