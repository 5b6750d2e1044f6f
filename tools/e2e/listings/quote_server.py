#!/usr/bin/python3
"""quote_server.py PORT: the TwistedQuotes listing's service (quotetap2.makeService) with its PB face on PORT.
The listing's `twistd quotes -b PORT` needs the package installed as a plugin; this calls the same makeService."""
import os, sys
sys.path.insert(0, os.path.join(os.environ["PBREAL_LISTINGS"], "howto"))
from twisted.internet import reactor
_l = reactor.listenTCP
reactor.listenTCP = lambda p, f, backlog=50, interface="": _l(p, f, backlog, "127.0.0.1")
from TwistedQuotes import quotetap2
o = quotetap2.Options()
o.parseOptions(["--port", "0", "--pb", sys.argv[1]])
quotetap2.makeService(o).startService()
reactor.run()
