"""Reads what a peer sends, which may be anything."""

from __future__ import annotations

import math
import re
from typing import Any, Optional

from twisted.spread import pb
from twisted.spread.jelly import unjellyableRegistry


def seconds_of(value: Any) -> Optional[float]:
    """A duration of at least 0 seconds. ``None`` for anything but a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return math.inf if value > 0 else 0.0
    return None if math.isnan(seconds) else max(0.0, seconds)


TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
MAX_TRACESTATE = 512


def trace_of(note: dict[Any, Any]) -> tuple[Optional[str], Optional[str]]:
    """``traceparent`` and ``tracestate`` of W3C Trace Context, as far as they are valid."""
    parent, state = note.get("traceparent"), note.get("tracestate")
    if not isinstance(parent, str) or TRACEPARENT.fullmatch(parent) is None:
        return None, None
    return parent, state if isinstance(state, str) and len(state) <= MAX_TRACESTATE else None


def request_id_of(value: Any) -> Optional[int]:
    """The number of a call. ``None`` for anything else."""
    return value if type(value) is int and 0 <= value < 2**53 else None


def has_references(jellied: Any) -> bool:
    """Whether serialized arguments contain references to objects of the peer, or caches."""
    lists = [jellied]
    while lists:
        head, *rest = lists.pop() or [None]
        kind = unjellyableRegistry.get(head) if isinstance(head, bytes) else None
        if head in (b"remote", b"cached") or (isinstance(kind, type) and issubclass(kind, pb.RemoteCache)):
            return True
        lists += [item for item in [head, *rest] if isinstance(item, list)]
    return False


def is_plain(value: Any) -> bool:
    """Whether a value contains neither references nor caches, because it consists of the simplest types."""
    if isinstance(value, dict):
        return all(is_plain(item) for entry in value.items() for item in entry)
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(is_plain, value))
    return value is None or isinstance(value, (bool, int, float, str, bytes))
