#!/usr/bin/python3
"""The client of the finger tutorial, without its two mistakes: it calls clientFromString without a reactor, and passes
str where the table of the server has bytes."""
from twisted.internet import defer, task
from twisted.spread import pb


@defer.inlineCallbacks
def main(reactor):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", 8787, factory)
    root = yield factory.getRootObject()
    for user in (b"moshez", "moshez"):
        print(f"getUser({user!r}) ->", (yield root.callRemote("getUser", user)))
    print("getUsers() ->", sorted((yield root.callRemote("getUsers"))))


task.react(main)
