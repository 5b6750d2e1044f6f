#!/usr/bin/python3
"""run_listing.py PORT SCRIPT: runs an unmodified Twisted listing, or its replacement, with two changes to Twisted:
- Every listenTCP and connectTCP uses 127.0.0.1:PORT, except listenTCP of port 0, which is any port.
- User names and passwords of type str become bytes. Listings that log in fail on Python 3 without this, because
  hashlib refuses str ("Strings must be encoded before hashing").
A script that defines `application`, for twistd, is started in this process, so that it prints without a log prefix.
"""
import os, runpy, sys

port, script = int(sys.argv[1]), os.path.abspath(sys.argv[2])
sys.stdout.reconfigure(line_buffering=True)
from twisted.cred import checkers, credentials
from twisted.internet import reactor

listenTCP, connectTCP = reactor.listenTCP, reactor.connectTCP
reactor.listenTCP = lambda wanted, factory, *_args, **_kw: listenTCP(wanted and port, factory, 50, "127.0.0.1")
reactor.connectTCP = lambda _host, _port, *args, **kw: connectTCP("127.0.0.1", port, *args, **kw)


def encode(text):
    return text.encode("utf8") if isinstance(text, str) else text


init = credentials.UsernamePassword.__init__
credentials.UsernamePassword.__init__ = lambda self, name, password: init(self, encode(name), encode(password))
Database = checkers.InMemoryUsernamePasswordDatabaseDontUse
Database.__init__ = lambda self, **users: setattr(self, "users", {encode(u): encode(p) for u, p in users.items()})
Database.addUser = lambda self, name, password: self.users.__setitem__(encode(name), encode(password))

sys.argv = [script]
sys.path[0] = os.path.dirname(script)
if "service.Application(" in open(script).read():
    from twisted.application import app, service

    app.startApplication(service.loadApplication(script, "python"), False)
    reactor.run()
else:
    runpy.run_path(script, run_name="__main__")
