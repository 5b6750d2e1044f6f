#!/usr/bin/python3
"""The PB server of the TwistedQuotes listing. The listing itself is started with `twistd quotes --pb PORT`, which needs
an installed plugin; this program calls the same makeService."""
import os, sys
sys.path.insert(0, os.path.join(os.environ["PB_TWISTED_DOC"], "howto/listings"))
from twisted.internet import reactor
from TwistedQuotes import quotetap2
options = quotetap2.Options()
options.parseOptions(["--port", "0", "--pb", "8787"])
quotetap2.makeService(options).startService()
reactor.run()
