# A dictionary of words in Twisted. It knows nothing of TypeScript, and needs nothing but Twisted.

from twisted.internet import reactor
from twisted.spread import pb


class UnknownWord(pb.Error):
    pass


class Words(pb.Root):
    def __init__(self):
        self.words = {"hello": ["hei", "hallo"], "thanks": ["takk"]}
        self.watchers = []

    def remote_translate(self, word, limit=10):
        if word not in self.words:
            raise UnknownWord(f"there is no translation of {word}")
        return self.words[word][:limit]

    def remote_add(self, word, translation):
        self.words.setdefault(word, []).append(translation)
        for watcher in self.watchers:
            watcher.callRemote("added", word, translation)

    def remote_watch(self, watcher):
        self.watchers.append(watcher)
        watcher.notifyOnDisconnect(self.watchers.remove)


reactor.listenTCP(8787, pb.PBServerFactory(Words()), interface="127.0.0.1")
print("Listening on port 8787", flush=True)
reactor.run()
