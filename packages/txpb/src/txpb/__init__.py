"""Cancellation, deadlines, pipelining, streams, goodbyes, trace context and live state for Twisted's Perspective Broker.

Call ``upgrade(factory)`` on a ``PBServerFactory`` or ``PBClientFactory``. Peers that do not know these extensions notice
nothing: towards them, everything behaves as plain Perspective Broker.
"""

from ._broker import upgrade
from ._calls import Pipelined, call, pipe
from ._context import Call, context
from ._drain import drain, notify_on_go_away
from ._errors import Canceled, DependencyFailed, GoingAway, NotAReference, NotPlain, OutcomeUnknown, ViewFailed
from ._live import Live
from ._repeat import call_once
from ._streams import Stream, iterate

__all__ = [
    "Call",
    "Canceled",
    "DependencyFailed",
    "GoingAway",
    "Live",
    "NotAReference",
    "NotPlain",
    "OutcomeUnknown",
    "Pipelined",
    "Stream",
    "ViewFailed",
    "call",
    "call_once",
    "context",
    "drain",
    "iterate",
    "notify_on_go_away",
    "pipe",
    "upgrade",
]
