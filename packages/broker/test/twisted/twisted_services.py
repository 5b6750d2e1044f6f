"""
A Twisted server with objects published by name, methods that appear while clients are connected, published state, and a flavor of its own.
Prints the port it listens on. The working directory is where Twisted keeps published states.
"""
import sys

from twisted.internet import defer, reactor
from twisted.python import log
from twisted.spread import pb, publish


class Clock(pb.Referenceable):
    def __init__(self, time):
        self.time = time

    def remote_now(self):
        return self.time


class Almanac(publish.Publishable):
    fetched = 0

    def getStateToPublishFor(self, perspective):
        self.fetched += 1
        return {"moons": [1, "two"], "fetched": self.fetched}


class AlmanacCopy(publish.RemotePublished):
    pass


pb.setUnjellyableForClass("test.Almanac", AlmanacCopy)


class OurAlmanac(Almanac):
    def getTypeToCopy(self):
        return b"test.Almanac"


class Group(pb.Referenceable):
    """Travels as a reference with a name beside it, as the groups of Twisted Words do."""

    def __init__(self, name):
        self.name = name

    def jellyFor(self, jellier):
        return b"test.Group", self.name.encode(), jellier.invoker.registerReference(self)

    def remote_name(self):
        return self.name


class GroupReference(pb.RemoteReference):
    def unjellyFor(self, unjellier, jellyList):
        tag, name, luid = jellyList
        self.name = name.decode()
        return pb.RemoteReference.unjellyFor(self, unjellier, [tag, luid])


pb.setUnjellyableForClass("test.Group", GroupReference)

almanac = OurAlmanac("almanac-1")


class Services(pb.Root):
    def rootObject(self, broker):
        broker.setNameForLocal("clock", Clock("noon"))
        return Connection(broker)


class Connection(pb.Referenceable):
    def __init__(self, broker):
        self.broker = broker

    # names
    def remote_replaceClock(self, time):
        self.broker.setNameForLocal("clock", Clock(time))

    def remote_askNamed(self, name, method):
        return self.broker.remoteForName(name).callRemote(method)

    # live methods
    def remote_learn(self, name):
        setattr(Clock, "remote_" + name, lambda self: name + " learned")

    # defaults
    def remote_defaults(self, name="you", times=1, loud=False):
        return [name, times, loud]

    # published state
    def remote_almanac(self):
        return almanac

    def remote_republish(self):
        almanac.republish()

    def remote_takeAlmanac(self, copy):
        d = defer.Deferred()
        copy.callWhenActivated(lambda c: d.callback({"moons": c.moons, "wasKept": bool(c._wasCleanWhenLoaded)}))
        return d

    # a flavor of its own
    def remote_group(self):
        return Group("lobby")

    def remote_takeGroup(self, group):
        return group.callRemote("name").addCallback(lambda name: [group.name, name])

    # failures as values
    def remote_takeFailure(self, failure):
        return [failure.type.decode() if isinstance(failure.type, bytes) else failure.type, str(failure.value)]


if __name__ == "__main__":
    if "--log" in sys.argv:
        log.startLogging(sys.stderr, setStdout=False)
    port = reactor.listenTCP(0, pb.PBServerFactory(Services()), interface="127.0.0.1")
    print(port.getHost().port, flush=True)
    reactor.callLater(120, reactor.stop)
    reactor.run()
