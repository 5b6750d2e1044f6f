"""Packed patches of live state (docs/extension.md): bytes in which a place that was named before is a number."""

from __future__ import annotations

import math
import struct
from typing import Any, Optional

PACKED_VERSION = 1
"""What a viewer that reads packed patches answers to a patch."""

PACKED_FORM = "live-packed-1"
"""The name under which a viewer tells, before it asks for a view, that it reads packed states and patches."""

MAX_BYTES = 65_536
"""A longer patch or state is sent as jelly."""

MAX_PLACES = 4096
MAX_PLACE_UNITS = 262_144
"""Places that have a number at a time, and UTF-16 units of their pointers."""

EPOCH_PATCHES = 32
"""Patches after which the numbers begin again, so that viewers that do not know them join the others."""

REMOVE, SPLICE, VALUE, BYTE, SHORT, TEXT = range(6)
NONE, FALSE, TRUE, POSITIVE, NEGATIVE, FLOAT, STRING, LIST, DICT = range(9)

MAX_SAFE = 2**53 - 1


class CannotPack(Exception):
    """The patch is too large, or has an integer that only jelly can send."""


class Places:
    """The numbers of places that viewers know."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._units = 0

    def head(self, pointer: str) -> tuple[int, bool]:
        """The number of a place, and whether it is new."""
        known = self._numbers.get(pointer)
        if known is not None:
            return known, False
        self._units += len(pointer.encode("utf-16-le")) // 2
        if len(self._numbers) >= MAX_PLACES or self._units > MAX_PLACE_UNITS:
            raise CannotPack
        number = self._numbers[pointer] = len(self._numbers)
        return number, True


def pack(since: int, revision: int, operations: list[Any], places: Places, clears: bool) -> Optional[bytes]:
    """A packed patch, whose places are added to ``places``. ``None``, with ``places`` of no use, if that cannot be."""
    out = bytearray()
    try:
        integer(out, since)
        integer(out, 2 * (revision - since) + clears)
        for pointer, *change in operations:
            step(out, pointer, change, places)
    except CannotPack:
        return None
    return bytes(out)


def pack_state(state: Any) -> Optional[bytes]:
    """A packed state. ``None`` if it is too large, or has an integer that only jelly can send."""
    out = bytearray()
    try:
        write(out, state)
    except CannotPack:
        return None
    return bytes(out)


def step(out: bytearray, pointer: str, change: list[Any], places: Places) -> None:
    number, is_new = places.head(pointer)
    value: Any = change[0] if len(change) == 1 else None
    is_int = type(value) is int
    if not change:
        kind = REMOVE
    elif len(change) == 3:
        kind = SPLICE
    elif type(value) is str:
        kind = TEXT
    elif is_int and 0 <= value <= 0xFF:
        kind = BYTE
    elif is_int and 0 <= value <= 0xFFFF:
        kind = SHORT
    else:
        kind = VALUE
    integer(out, 8 * number + kind)
    if is_new:
        text(out, pointer)
    if kind == SPLICE:
        index, count, items = change
        integer(out, index)
        integer(out, count)
        values(out, items)
    elif kind == TEXT:
        text(out, value)
    elif kind == BYTE:
        out.append(value)
    elif kind == SHORT:
        out.extend(value.to_bytes(2, "big"))
    elif kind == VALUE:
        write(out, value)
    limit(out)


def write(out: bytearray, value: Any) -> None:
    kind = type(value)
    if value is None:
        out.append(NONE)
    elif kind is bool:
        out.append(TRUE if value else FALSE)
    elif kind is int:
        out.append(POSITIVE if value >= 0 else NEGATIVE)
        integer(out, value if value >= 0 else -1 - value)
    elif kind is float:
        out.append(FLOAT)
        out.extend(struct.pack(">d", value))
    elif kind is str:
        out.append(STRING)
        text(out, value)
    elif kind is list:
        out.append(LIST)
        values(out, value)
    elif kind is dict:
        out.append(DICT)
        integer(out, len(value))
        for key, item in value.items():
            text(out, key)
            write(out, item)
    else:
        raise CannotPack
    limit(out)


def values(out: bytearray, items: list[Any]) -> None:
    integer(out, len(items))
    for item in items:
        write(out, item)


def text(out: bytearray, value: Any) -> None:
    if type(value) is not str:
        raise CannotPack
    try:
        encoded = value.encode()
    except UnicodeEncodeError:
        raise CannotPack from None
    integer(out, len(encoded))
    out.extend(encoded)


def integer(out: bytearray, value: int) -> None:
    """Seven bits in each byte, the lowest ones first."""
    if value > MAX_SAFE:
        raise CannotPack
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def limit(out: bytearray) -> None:
    if len(out) > MAX_BYTES:
        raise CannotPack


class Packing:
    """The packed patches of a group.

    Viewers know the numbers of the current epoch when they have got its first patch, and each one since. They get the
    same bytes. All other viewers get the names of all places.
    """

    def __init__(self) -> None:
        self._places = Places()
        self._epoch = 0
        self._count: float = math.inf
        """Patches since the epoch has begun."""
        self._is_awaited = True
        """Whether there are viewers that do not know the numbers."""
        self._revision: Optional[int] = None
        self._previous: Optional[int] = None
        """The revisions of the last patches: the current one, and the one before."""
        self._shared: Optional[tuple[int, Optional[bytes], bool]] = None
        """What viewers share of the current revision: since when, the bytes, and whether it begins the epoch."""

    def pack(
        self, since: int, revision: int, operations: list[Any], epoch: Optional[int], alone: dict[int, Optional[bytes]]
    ) -> tuple[Optional[bytes], Optional[int]]:
        """The bytes for a viewer, ``None`` if they are too many, and the epoch whose numbers the viewer then knows.

        ``epoch`` is the result for its last patch. ``alone`` keeps what several viewers of this revision need.
        """
        if revision != self._revision:
            self._previous, self._revision, self._shared = self._revision, revision, None
            self._count += 1
        if self._shared is None and self._previous in (since, None):
            if self._is_awaited and self._count >= EPOCH_PATCHES:
                self._epoch += 1
                self._places, self._count, self._is_awaited = Places(), 0, False
                self._share(since, revision, operations, True)
            elif epoch == self._epoch:
                self._share(since, revision, operations, False)
        if self._shared is not None and self._shared[0] == since and (self._shared[2] or epoch == self._epoch):
            if self._shared[1] is not None:
                return self._shared[1], self._epoch
        else:
            self._is_awaited = True
        if since not in alone:
            alone[since] = pack(since, revision, operations, Places(), True)
        return alone[since], None

    def _share(self, since: int, revision: int, operations: list[Any], is_first: bool) -> None:
        packed = pack(since, revision, operations, self._places, is_first)
        self._shared = since, packed, is_first
        if packed is None:  # The viewers do not get the names that it contains.
            self._epoch += 1
            self._count, self._is_awaited = math.inf, True
