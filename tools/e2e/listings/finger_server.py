#!/usr/bin/python3
"""finger_server.py PORT: the finger tutorial's PB face (finger21.tac: PerspectiveFingerFromService over FingerService).
finger21.tac itself cannot start here (it wants uid 1, port 79, /etc/users and an IRC server), so the classes are taken
from it as they stand and only the PB service is started, with its users file next to this script."""
import os, sys, types
src = os.environ["PBREAL_LISTINGS"]
from twisted.internet import reactor
from twisted.spread import pb
text = open(os.path.join(src, "finger/finger21.tac")).read().split("application = service.Application")[0]
# this half of the tutorial has str where Python 3 wants bytes in its web and IRC parts; the PB part has not
m = types.ModuleType("finger21")
sys.modules["finger21"] = m
exec(compile(text, "finger21.tac", "exec"), m.__dict__)
users = os.path.join(src, "finger/etc.users")
f = m.FingerService(users)
f.startService()
reactor.listenTCP(int(sys.argv[1]), pb.PBServerFactory(m.IPerspectiveFinger(f)), interface="127.0.0.1")
reactor.run()
