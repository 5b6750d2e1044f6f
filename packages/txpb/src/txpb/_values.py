"""Reads what a peer sends, which may be anything."""

from __future__ import annotations

import math
import re
from typing import Any, Optional

from twisted.spread import pb
from twisted.spread.jelly import unjellyableRegistry


def seconds_of(value: Any) -> Optional[float]:
    """A duration in seconds. ``None`` for anything but a number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return math.inf if value > 0 else None
    return seconds if seconds >= 0 else None  # Nor for NaN.


TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32}-[0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
NO_ID = re.compile(r"0{32}|.*-0{16}$")
TRACESTATE = re.compile(r"[\x20-\x7e]{1,512}")
BAGGAGE = re.compile(r"[\x20-\x7e]{1,8192}")


def traceparent_of(value: Any) -> Optional[str]:
    """A ``traceparent`` of W3C Trace Context as version 00, whose fields higher versions keep. ``None`` if it is none."""
    found = TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    version, ids, flags, more = found.groups()
    if version == "ff" or NO_ID.match(ids) or (version == "00" and more is not None):
        return None
    return f"00-{ids}-{flags}" if version == "00" else f"00-{ids}-0{int(flags, 16) & 1}"


def trace_of(note: dict[Any, Any]) -> tuple[Optional[str], Optional[str], Optional[str]]:
    """``traceparent`` and ``tracestate`` of W3C Trace Context, and ``baggage``, as far as they are valid."""
    parent = traceparent_of(note.get("traceparent"))
    if parent is None:
        return None, None, None
    return parent, text_of(note.get("tracestate"), TRACESTATE), text_of(note.get("baggage"), BAGGAGE)


def text_of(value: Any, form: re.Pattern[str]) -> Optional[str]:
    return value if isinstance(value, str) and form.fullmatch(value) is not None else None


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
    seen: set[int] = set()
    values = [value]
    while values:
        item = values.pop()
        if isinstance(item, (dict, list, tuple, set, frozenset)):
            if id(item) in seen:  # Values may contain themselves.
                continue
            seen.add(id(item))
            values += item
            if isinstance(item, dict):
                values += item.values()
        elif item is not None and not isinstance(item, (bool, int, float, str, bytes)):
            return False
    return True
