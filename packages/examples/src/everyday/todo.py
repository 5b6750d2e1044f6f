"""
A to-do list that all clients see as it is now.
"""
from twisted.spread import pb


class TodoList(pb.Cacheable):
    def __init__(self):
        self.items = {}
        self.observers = set()  # Not a list: its `remove` compares observers, and most cannot be compared.
        self.last = 0

    def getTypeToCopy(self):
        return b"todo.TodoList"

    def getStateToCacheAndObserveFor(self, perspective, observer):
        self.observers.add(observer)
        return {"items": self.items}

    def stoppedObserving(self, perspective, observer):
        self.observers.remove(observer)

    def add(self, text):
        self.last += 1
        self.items[self.last] = {"text": text, "done": False}
        self.tell("added", self.last, text)
        return self.last

    def finish(self, number):
        self.items[number]["done"] = True
        self.tell("finished", number)

    def tell(self, event, *args):
        for observer in self.observers:
            observer.callRemote(event, *args)


class Home(pb.Root):
    def __init__(self):
        self.list = TodoList()

    def remote_list(self):
        return self.list

    def remote_add(self, text):
        return self.list.add(text)

    def remote_finish(self, number):
        self.list.finish(number)

    def remote_observers(self):
        return len(self.list.observers)


def makeRoot():
    return Home()
