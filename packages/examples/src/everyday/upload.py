"""
Stores files that a client sends in pages.
"""
import hashlib

from twisted.internet import defer
from twisted.spread import pb


class Upload(pb.Referenceable):
    """Receives the pages of `twisted.spread.util.Pager`."""

    def __init__(self, size):
        self.size, self.received = size, 0
        self.hash = hashlib.sha256()
        self.finished = defer.Deferred()

    def remote_gotPage(self, page):
        if self.received + len(page) > self.size:
            raise ValueError("the file is larger than announced")
        self.received += len(page)
        self.hash.update(page)

    def remote_endedPaging(self):
        self.finished.callback(None)

    def remote_digest(self):
        return self.finished.addCallback(lambda _: self.hash.hexdigest())


class Store(pb.Root):
    def remote_upload(self, name, size):
        if "/" in name:
            raise ValueError(f"not a name of a file: {name}")
        return Upload(size)


def makeRoot():
    return Store()
