"""Serves Perspective Broker with the WebSocket server of Twisted 26.4, which needs the extra `twisted[websocket]`.

The same lines put any PBServerFactory behind it: reactor.listenTCP(port, site(factory)).
"""
from twisted.web.server import Site
from twisted.web.websocket import WebSocketResource


class Connection:
    """The WebSocket of one broker, and the transport of that broker."""

    disconnecting = False

    def __init__(self, broker):
        self.broker = broker

    # The events of the WebSocket
    def negotiationStarted(self, socket):
        self.socket = socket

    def negotiationFinished(self):
        self.socket.transport.unregisterProducer()  # Twisted leaves that of HTTP, and pages need the place.
        self.broker.makeConnection(self)

    def bytesMessageReceived(self, data):
        self.broker.dataReceived(bytes(data))

    def textMessageReceived(self, message):
        self.loseConnection()

    def pongReceived(self, payload):
        pass

    def connectionLost(self, reason):
        if self.broker.transport is self:
            self.broker.connectionLost(reason)

    # The transport
    def write(self, data):
        if not self.disconnecting:
            self.socket.sendBytesMessage(data)

    def writeSequence(self, pieces):
        self.write(b"".join(pieces))

    def loseConnection(self):
        if not self.disconnecting:
            self.disconnecting = True
            self.socket.loseConnection()

    def __getattr__(self, name):
        """Addresses, producers and options are those of the TCP connection."""
        return getattr(self.socket.transport, name)


class Connections:
    def __init__(self, factory):
        self.factory = factory

    def buildProtocol(self, request):
        return Connection(self.factory.buildProtocol(request.getClientAddress()))


def site(factory):
    """Serves the brokers of the factory: ws://host:port/"""
    resource = WebSocketResource(Connections(factory))
    resource.isLeaf = True
    return Site(resource)
