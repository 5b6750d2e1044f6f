from twisted.spread import pb


class LiveViewer(pb.RemoteCache):
    def setCopyableState(self, state):
        self.rev, self.state = state["rev"], state["state"]

    def observe_patch(self, rev, ops, since):
        assert since == self.rev, "ask for the object again"
        holder = {"": self.state}
        for pointer, *change in ops:
            node = holder
            *way, last = [k.replace("~1", "/").replace("~0", "~") for k in pointer.split("/")]
            for key in way:
                node = node[int(key)] if isinstance(node, list) else node[key]
            last = int(last) if isinstance(node, list) else last
            if len(change) == 3:
                node[last][change[0] : change[0] + change[1]] = change[2]
            elif change:
                node[last] = change[0]
            else:
                del node[last]
        self.rev, self.state = rev, holder[""]


pb.setUnjellyableForClass("pb.Live", LiveViewer)
