"""
Reads jellied values on stdin and answers each on stdout with what it understood and with the value, jellied again.
A frame is four bytes of length, big endian, and one Banana expression in dialect pb: a value, or (description value) with "= " before
the description. What went wrong is described after "! ".
"""

import struct
import sys

from twisted.persisted.crefutil import NotKnown
from twisted.spread import banana, jelly


class Thing(jelly.Jellyable, jelly.Unjellyable):
    """Travels by copy, as test.Thing."""


Thing.__module__ = "test"
jelly.setUnjellyableForClass(b"test.Thing", Thing)


def describe(value):
    """A repr that tells shared objects from equal ones: each object has a number, and only that when it is met again."""
    numbers = {}

    def number(item):
        numbers[id(item)] = len(numbers) + 1
        return f"#{len(numbers)}"

    def walk(item):
        kind = type(item)
        if kind not in (list, tuple, dict, set, frozenset, Thing) or (kind in (tuple, frozenset) and not item):
            return ascii(item)
        if id(item) in numbers:
            return f"#{numbers[id(item)]}"
        if kind in (set, frozenset):
            # No order, so no numbers inside.
            return f"{number(item)}{kind.__name__}({', '.join(sorted(map(plain, item)))})"
        prefix = number(item)
        if kind is list:
            return f"{prefix}[{', '.join(map(walk, item))}]"
        if kind is tuple:
            return f"{prefix}({', '.join(map(walk, item))})"
        if kind is Thing:
            return f"{prefix}Thing{entries(item.__dict__)}"
        return prefix + entries(item)

    def entries(mapping):
        return "{" + ", ".join(f"{walk(key)}: {walk(entry)}" for key, entry in mapping.items()) + "}"

    return walk(value)


def plain(item):
    kind = type(item)
    if kind is Thing:
        return "Thing"
    if kind is tuple and item:
        return f"({', '.join(map(plain, item))})"
    if kind is frozenset and item:
        return f"frozenset({', '.join(sorted(map(plain, item)))})"
    return ascii(item)


def is_complete(value):
    """Whether Twisted has filled every placeholder: with a tuple in two circles at a time it does not."""
    seen = set()
    ahead = [value]
    while ahead:
        item = ahead.pop()
        if isinstance(item, NotKnown):
            return False
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            ahead.extend(item)
            ahead.extend(item.values())
        elif isinstance(item, (list, tuple, set, frozenset)):
            ahead.extend(item)
        elif isinstance(item, Thing):
            ahead.append(item.__dict__)
    return True


class Transport:
    def write(self, data):
        sys.stdout.buffer.write(struct.pack(">I", len(data)) + data)


def main():
    peer = banana.Banana()
    peer.makeConnection(Transport())
    peer._selectDialect(b"pb")
    policy = jelly.globalSecurity

    def answer(expression):
        try:
            value = jelly.unjelly(expression, policy)
            if not is_complete(value):
                raise NotImplementedError("a placeholder is left")
            peer.sendEncoded([b"= " + describe(value).encode("ascii"), jelly.jelly(value, policy)])
        except Exception as error:
            peer.sendEncoded([f"! {type(error).__name__}: {ascii(str(error))}".encode("ascii")])
        sys.stdout.buffer.flush()

    peer.expressionReceived = answer
    stdin = sys.stdin.buffer
    while True:
        head = stdin.read(4)
        if not head:
            return
        peer.dataReceived(stdin.read(struct.unpack(">I", head)[0]))


main()
