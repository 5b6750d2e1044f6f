#!/usr/bin/python3
"""A client for Twisted's example pbinterop.py, which has none. Calls its methods and prints one line for each call."""
from twisted.internet import defer, task
from twisted.spread import pb


class Copied(pb.RemoteCopy):
    pass


pb.setUnjellyableForClass("twisted.spread.flavors.Copyable", Copied)


class Hello(pb.Referenceable):
    def remote_hello(self):
        print("server called hello()")
        return "hello, world"


@defer.inlineCallbacks
def main(reactor):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", 8787, factory)
    root = yield factory.getRootObject()

    @defer.inlineCallbacks
    def call(name, *args):
        try:
            result = yield root.callRemote(name, *args)
        except Exception as e:
            print(name, "-> error", getattr(e, "remoteType", type(e)), e)
            return None
        if isinstance(result, (Copied, pb.RemoteReference)):
            print(name, "->", type(result).__name__, repr(getattr(result, "x", "")))
        else:
            print(name, "->", repr(result))
        return result

    for name in ("int", "string", "unicode", "float", "list"):
        yield call(name)
    cycle = yield root.callRemote("recursive")
    print("recursive -> a list that holds itself:", cycle[0] is cycle, len(cycle))
    yield call("dict")
    reference = yield call("reference")
    print("the same reference twice:", reference == (yield root.callRemote("reference")))
    yield call("local", Hello())
    yield call("receive", [1, 1.5, "hi", "hi", {1: 2}])
    yield call("receive", [1, 2])
    yield call("self", root)
    yield call("self", None)
    yield call("copy", 5)
    yield call("copy", ["a", (1, None), {"k": True}])
    yield call("nosuch")


task.react(main)
