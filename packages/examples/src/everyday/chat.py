"""
A chat room: nicknames, who is present, and what they say.
"""
from twisted.spread import pb


class NickTaken(pb.Error):
    pass


class Member(pb.Referenceable):
    def __init__(self, room, nick, window):
        self.room, self.nick, self.window = room, nick, window

    def remote_say(self, text):
        self.room.tell("said", self.nick, text)

    def remote_rename(self, nick):
        self.room.rename(self, nick)


class Room(pb.Root):
    def __init__(self):
        self.members = {}

    def remote_join(self, nick, window):
        self.check(nick)
        self.tell("joined", nick)
        member = self.members[nick] = Member(self, nick, window)
        window.notifyOnDisconnect(lambda _: self.leave(member))
        return member, sorted(self.members)

    def check(self, nick):
        if nick in self.members:
            raise NickTaken(f"{nick} is here already")

    def rename(self, member, nick):
        self.check(nick)
        del self.members[member.nick]
        self.tell("renamed", member.nick, nick)
        member.nick = nick
        self.members[nick] = member

    def leave(self, member):
        del self.members[member.nick]
        self.tell("left", member.nick)

    def tell(self, event, *args):
        for member in list(self.members.values()):
            member.window.callRemote(event, *args).addErrback(lambda failure: failure.trap(pb.PBConnectionLost))


def makeRoot():
    return Room()
