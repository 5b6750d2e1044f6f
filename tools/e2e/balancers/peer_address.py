"""
An unmodified Twisted server whose root says from where it is called: peer_address.py ENDPOINT
Prints a line when it listens.
"""
import sys

from twisted.internet import reactor
from twisted.internet.endpoints import serverFromString
from twisted.spread import pb


class Root(pb.Root):
    def rootObject(self, broker):
        return Address(broker)


class Address(pb.Referenceable):
    def __init__(self, broker):
        self.broker = broker

    def remote_address(self):
        return self.broker.transport.getPeer().host


listening = serverFromString(reactor, sys.argv[1]).listen(pb.PBServerFactory(Root()))
listening.addCallback(lambda port: print("listening", flush=True))
reactor.callLater(120, reactor.stop)
reactor.run()
