"""Alice's client: python3 client.py PORT. Reports each call. client.ts is the same in TypeScript."""
import sys

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import react
from twisted.spread import pb

from report import report


class Bidder(pb.Referenceable):
    """An object that stays in the client: the server gets a reference to it and calls its remote_ methods."""

    def remote_outbid(self, lot, offer):
        amount = offer + 5
        report(f'bidder.outbid("{lot}", {offer})', amount)
        return amount

    def remote_sold(self, lot):
        report(f'bidder.sold("{lot}")', "hooray")
        return "hooray"


@inlineCallbacks
def main(reactor):
    factory = pb.PBClientFactory()
    reactor.connectTCP("127.0.0.1", int(sys.argv[1]), factory)

    try:
        yield factory.login(UsernamePassword(b"alice", b"a guess"))
    except pb.RemoteError as error:
        report('login("alice", <wrong password>)', error.remoteType.decode())
    house = yield factory.login(UsernamePassword(b"alice", b"earl grey"))
    report('login("alice", <her password>)', "an avatar")

    report("lots()", (yield house.callRemote("lots")))
    report('bid("teapot", 45)', (yield house.callRemote("bid", "teapot", 45)))
    try:
        yield house.callRemote("bid", "teapot", 30)
    except pb.RemoteError as error:
        report('bid("teapot", 30)', f"{error.remoteType.decode()}: {error.args[0]}")
    bidder = Bidder()
    report('sell("teapot", bidder)', (yield house.callRemote("sell", "teapot", bidder)))
    factory.disconnect()


react(main)
