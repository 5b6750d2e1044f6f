"""
Books payments with a ledger of another program, and prints what it has learned: amounts, days, times and receipts.
"""
import datetime
import decimal
import sys

from twisted.internet import defer, endpoints, task
from twisted.spread import pb


class Receipt(pb.Copyable, pb.RemoteCopy):
    pass


pb.setUnjellyableForClass("ledger.Receipt", Receipt)


@defer.inlineCallbacks
def main(reactor, port):
    factory = pb.PBClientFactory()
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", int(port))
    yield endpoint.connect(factory)
    ledger = yield factory.getRootObject()
    day = datetime.date(2026, 2, 28)
    for amount, scan in [("19.90", b"\x89PNG\x00"), ("0.10", b""), ("-7.005", None)]:
        receipt = yield ledger.callRemote("book", decimal.Decimal(amount), day, scan)
        print(receipt.number, repr(receipt.total), receipt.booked.isoformat(), repr(receipt.scan))
    balance, due = yield ledger.callRemote("balance", datetime.timedelta(days=30))
    print(repr(balance), repr(due))
    largest = yield ledger.callRemote("count", 2**70)
    print(largest == 2**70 + 1)
    try:
        yield ledger.callRemote("book", 19.9, day, None)
    except pb.RemoteError as error:
        print(error.remoteType.decode(), error)
    factory.disconnect()


task.react(main, sys.argv[1:])
