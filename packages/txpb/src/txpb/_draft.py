"""Plain data that is changed by copying: drafts, the differences of two states, and their form on the wire."""

from __future__ import annotations

import math
from collections.abc import Iterator, MutableMapping, MutableSequence
from typing import Any, Optional, Union

from twisted.spread.banana import SIZE_LIMIT

from ._errors import NotPlain

MAX_DEPTH = 64
"""Levels of lists and dicts in a state. Also ends a state that contains itself."""

MAX_INTEGER = 2**53 - 1
"""Larger integers are not exact in JavaScript."""

REFUSED_KEYS = frozenset(["__proto__"])
"""They change the class of an object in JavaScript."""


def plain(value: Any, place: str = "state", depth: int = 0) -> Any:
    """A copy of plain data, of which no part is in two places. Raises :class:`NotPlain`."""
    if isinstance(value, Draft):
        value = value.finish(place)
    if type(value) is dict:
        check_size(value, place, depth)
        return {checked_key(key, place): plain(item, f"{place}[{key!r}]", depth + 1) for key, item in value.items()}
    if type(value) is list:
        check_size(value, place, depth)
        return [plain(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]
    return checked(value, place)


def check_size(value: Any, place: str, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise NotPlain(f"{place[:80]} has more than {MAX_DEPTH} levels, or contains itself")
    if len(value) > SIZE_LIMIT:
        raise NotPlain(f"{place} has more than {SIZE_LIMIT} entries")


def checked(value: Any, place: str) -> Any:
    """A value without parts."""
    kind = type(value)
    if (
        value is None
        or kind is bool
        or (kind is str and fits(value))
        or (kind is int and -MAX_INTEGER <= value <= MAX_INTEGER)
        or (kind is float and math.isfinite(value))
    ):
        return value
    raise NotPlain(f"{place} cannot be part of a live state: {repr(value)[:80]}")


def checked_key(key: Any, place: str) -> str:
    if type(key) is not str or key in REFUSED_KEYS or not fits(key):
        raise NotPlain(f"{place} has a key that cannot be part of a live state: {repr(key)[:80]}")
    return key


def fits(text: str) -> bool:
    """Whether a text can be a string of Perspective Broker. Half a surrogate pair cannot be encoded."""
    try:
        return len(text) <= SIZE_LIMIT and len(text.encode()) <= SIZE_LIMIT
    except UnicodeEncodeError:
        return False


class Draft:
    """Looks like a dict or a list of a state. It is copied when it is read or changed for the first time."""

    def __init__(self, base: Any, session: list[bool], depth: int = 0) -> None:
        self._base = base
        self._session = session
        """Empty when the update has ended."""
        self.depth = depth
        self._items: Any = None
        """A copy. Its own dicts and lists are drafts as soon as they have been read."""
        self._finished: Any = None

    def _copy(self) -> Any:
        if not self._session:
            raise RuntimeError("The update of this draft has ended")
        if self._items is None:
            self._items = self._base.copy()
        return self._items

    def _read(self, key: Any) -> Any:
        items = self._copy()
        item = items[key]
        if type(item) in (dict, list):
            item = items[key] = draft_of(item, self._session, self.depth + 1)
        return item

    def __len__(self) -> int:
        return len(self._copy())

    def __eq__(self, other: object) -> bool:
        return bool(self._copy() == (other._copy() if isinstance(other, Draft) else other))

    def __repr__(self) -> str:
        return repr(self._copy())

    def finish(self, place: str) -> Any:
        """The new value: the base itself if nothing has changed. A draft that is in two places is copied."""
        if self._finished is not None:
            return plain(self._finished, place, self.depth)
        if self._items is None:
            self._finished = self._base
        else:
            self._finished = self._base  # A draft that contains itself ends here, and is copied.
            self._finished = self._finish(place)
        return self._finished

    def _finish(self, place: str) -> Any:
        raise NotImplementedError

    def _taken(self, item: Any, place: str) -> Any:
        """The new value of what a program has written into this draft, or of a draft that it has read."""
        depth = self.depth + 1
        return item.finish(place) if isinstance(item, Draft) and item.depth == depth else plain(item, place, depth)


class DictDraft(Draft, MutableMapping[str, Any]):
    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, key: str) -> Any:
        return self._read(key)

    def __setitem__(self, key: str, value: Any) -> None:
        self._copy()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._copy()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._copy())

    def _finish(self, place: str) -> Any:
        base, new = self._base, {}
        for key, item in self._items.items():
            known = key in base and item is base[key]
            new[key if known else checked_key(key, place)] = item if known else self._taken(item, f"{place}[{key!r}]")
        return base if len(new) == len(base) and all(key in base and new[key] is base[key] for key in new) else new


class ListDraft(Draft, MutableSequence[Any]):
    __hash__ = None  # type: ignore[assignment]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._read(at) for at in range(*index.indices(len(self)))]
        return self._read(index)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._copy()[index] = value

    def __delitem__(self, index: Any) -> None:
        del self._copy()[index]

    def insert(self, index: int, value: Any) -> None:
        self._copy().insert(index, value)

    def sort(self, **options: Any) -> None:
        """As that of a list."""
        self._copy()
        self._items = sorted(self, **options)

    def _finish(self, place: str) -> Any:
        base = self._base
        known = {id(item) for item in base}
        new = []
        for index, item in enumerate(self._items):
            if id(item) in known:
                known.discard(id(item))  # An item that is there twice is copied.
                new.append(item)
            else:
                new.append(self._taken(item, f"{place}[{index}]"))
        return base if len(new) == len(base) and all(a is b for a, b in zip(new, base)) else new


def draft_of(value: Any, session: list[bool], depth: int = 0) -> Any:
    return (DictDraft if type(value) is dict else ListDraft)(value, session, depth)


Operation = list[Union[str, int, Any]]


def differences(old: Any, new: Any, pointer: str = "") -> list[Operation]:
    """The operations that make the old state the new one. They can be applied in their order."""
    if old is new:
        return []
    operations: Optional[list[Operation]] = None
    if type(old) is dict and type(new) is dict:
        operations = [[f"{pointer}/{escaped(key)}"] for key in old if key not in new]
        for key, item in new.items():
            place = f"{pointer}/{escaped(key)}"
            operations += differences(old[key], item, place) if key in old else [[place, item]]
    elif type(old) is list and type(new) is list:
        operations = list_differences(old, new, pointer)
    elif type(old) is type(new) and old == new:
        return []
    return [[pointer, new]] if operations is None else operations


def list_differences(old: list[Any], new: list[Any], pointer: str) -> list[Operation]:
    """First removes what the list has lost at its start. Then changes items in place, or what is between equal ends."""
    operations: list[Operation] = []
    if old and new and type(new[0]) in (dict, list):
        lost = next((index for index, item in enumerate(old) if item is new[0]), 0)
        if lost > 0:
            operations = [[pointer, 0, lost, []]]
            old = old[lost:]
    if len(old) == len(new):
        for index, (a, b) in enumerate(zip(old, new)):
            operations += differences(a, b, f"{pointer}/{index}")
        return operations
    start, ends = 0, 0
    shorter = min(len(old), len(new))
    while start < shorter and not differences(old[start], new[start]):
        start += 1
    while ends < shorter - start and not differences(old[-1 - ends], new[-1 - ends]):
        ends += 1
    return [*operations, [pointer, start, len(old) - start - ends, new[start : len(new) - ends]]]


def escaped(key: str) -> str:
    """A part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def jellied(value: Any) -> Any:
    """Plain data as jelly would write it, without references between its parts. Raises :class:`NotPlain`."""
    kind = type(value)
    if kind is dict:
        return [b"dictionary", *([jellied(checked_key(key, "The view")), jellied(item)] for key, item in value.items())]
    if kind is list:
        return [b"list", *map(jellied, value)]
    checked(value, "The view")
    if kind is str:
        return [b"unicode", value.encode()]
    if kind is bool:
        return [b"boolean", b"true" if value else b"false"]
    return [b"None"] if value is None else value
