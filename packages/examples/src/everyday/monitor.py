"""
A machine whose temperature clients watch.
"""
from twisted.spread import pb


class Machine(pb.Root):
    def __init__(self):
        self.watchers = []

    def remote_watch(self, watcher):
        self.watchers.append(watcher)
        watcher.notifyOnDisconnect(self.watchers.remove)
        return len(self.watchers)

    def remote_measure(self, degrees):
        for watcher in self.watchers:
            watcher.callRemote("degrees", degrees)


def makeRoot():
    return Machine()
