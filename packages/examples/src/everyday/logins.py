"""
A library with two kinds of users: readers and librarians.
"""
from twisted.cred import checkers, portal
from twisted.spread import pb
from zope.interface import implementer


class Shelf(pb.Viewable):
    """Its methods receive who calls them."""

    def __init__(self):
        self.borrowed = {}

    def view_borrow(self, reader, title):
        if title in self.borrowed:
            raise pb.Error(f"{self.borrowed[title]} has it")
        self.borrowed[title] = reader.name
        return f"{reader.name} has {title}"


class Reader(pb.Avatar):
    def __init__(self, name, shelf):
        self.name, self.shelf = name, shelf

    def perspective_shelf(self):
        return self.shelf

    def logout(self):
        print("logout", self.name, flush=True)


class Librarian(Reader):
    def perspective_borrowed(self):
        return self.shelf.borrowed


@implementer(portal.IRealm)
class Library:
    def __init__(self):
        self.shelf = Shelf()

    def requestAvatar(self, avatarId, mind, *interfaces):
        if pb.IPerspective not in interfaces:
            raise NotImplementedError(interfaces)
        name = avatarId.decode() if isinstance(avatarId, bytes) else avatarId
        avatar = (Librarian if name == "lena" else Reader)(name, self.shelf)
        if mind is not None:
            mind.callRemote("welcome", type(avatar).__name__)
        return pb.IPerspective, avatar, avatar.logout


def makeRoot():
    users = checkers.InMemoryUsernamePasswordDatabaseDontUse(rob=b"books", lena=b"shelves")
    return portal.Portal(Library(), [users])
