"""
With the argument `serve`: a Twisted server with a cached object that sends updates of its own; prints its port.
With the argument `view` and a port: a Twisted client with a copy of a Live, which it prints as JSON after each patch.
"""
import json
import sys

from twisted.internet import reactor
from twisted.python import log
from twisted.spread import pb


class Game(pb.Cacheable):
    """An unmodified server: it knows nothing of patches."""

    def __init__(self):
        self.players = {"ann": {"x": 1}, "bob": {"x": 2}}
        self.chat = []
        self.observers = []

    def getTypeToCopyFor(self, perspective):
        return b"game.Game"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.append(observer)
        return {"players": self.players, "chat": self.chat}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)

    def tell(self, method, *args):
        for observer in self.observers:
            observer.callRemote(method, *args)

    def move(self, name, x):
        self.players[name]["x"] = x
        self.tell("moved", name, x)

    def say(self, text):
        self.chat.append(text)
        self.tell("said", text)


class GameRoot(pb.Root):
    def __init__(self):
        self.game = Game()

    def remote_board(self):
        return self.game

    def remote_move(self, name, x):
        self.game.move(name, x)

    def remote_say(self, text):
        self.game.say(text)

    def remote_viewers(self):
        return len(self.game.observers)


class BoardView(pb.RemoteCache):
    """A copy of a Live, in stock Twisted."""

    def setCopyableState(self, state):
        self.rev, self.state = state["rev"], state["state"]
        self.show()

    def observe_patch(self, rev, ops, since):
        assert since == self.rev, (since, self.rev)
        holder = {"": self.state}
        for pointer, *change in ops:
            keys = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")]
            node = holder
            for key in keys[:-1]:
                node = node[int(key)] if isinstance(node, list) else node[key]
            last = int(keys[-1]) if isinstance(node, list) else keys[-1]
            if not change:
                del node[last]
            elif len(change) == 1:
                node[last] = change[0]
            else:
                index, count, items = change
                node[last][index : index + count] = items
        self.rev, self.state = rev, holder[""]
        self.show()

    def show(self):
        print(json.dumps([self.rev, self.state]), flush=True)


pb.setUnjellyableForClass("pb.Live", BoardView)


kept = []  # A copy that nothing refers to is released.


def view(port):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", port, factory)
    factory.getRootObject().addCallback(lambda root: root.callRemote("board")).addCallback(kept.append)


log.addObserver(lambda event: event["isError"] and print(event, file=sys.stderr, flush=True))

if sys.argv[1] == "serve":
    listening = reactor.listenTCP(0, pb.PBServerFactory(GameRoot()), interface="127.0.0.1")
    print(listening.getHost().port, flush=True)
else:
    view(int(sys.argv[2]))
reactor.run()
