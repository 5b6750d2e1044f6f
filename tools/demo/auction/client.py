"""Alice as a program: python3 client.py PORT. Tells on stdout what she calls, and what is called on her. client.ts is the same in TypeScript."""
import sys

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import react
from twisted.spread import pb

from tell import tell


class Bidder(pb.Referenceable):
    """Alice's object, which stays here: the house gets a reference to it, and calls its remote_ methods."""

    def remote_outbid(self, lot, offer):
        more = offer + 5
        tell(f'bidder.outbid("{lot}", {offer})', more)
        return more

    def remote_sold(self, lot):
        tell(f'bidder.sold("{lot}")', "hooray")
        return "hooray"


@inlineCallbacks
def main(reactor):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", int(sys.argv[1]), factory)

    try:
        yield factory.login(UsernamePassword(b"alice", b"a guess"))
    except pb.RemoteError as error:
        tell('login("alice", a guess)', error.remoteType.decode())
    house = yield factory.login(UsernamePassword(b"alice", b"earl grey"))
    tell('login("alice", her password)', "an avatar")

    tell("lots()", (yield house.callRemote("lots")))
    tell('bid("teapot", 45)', (yield house.callRemote("bid", "teapot", 45)))
    try:
        yield house.callRemote("bid", "teapot", 30)
    except pb.RemoteError as error:
        tell('bid("teapot", 30)', f"{error.remoteType.decode()}: {error.args[0]}")
    bidder = Bidder()
    tell('sell("teapot", bidder)', (yield house.callRemote("sell", "teapot", bidder)))
    factory.disconnect()


react(main)
