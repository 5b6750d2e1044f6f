#!/usr/bin/python3
"""The PB server of the finger tutorial: PerspectiveFingerFromService over FingerService.
finger21.tac itself needs uid 1, port 79, /etc/users and an IRC server. This program takes the classes from it and
starts only the PB service."""
import gzip, os, sys, types
finger = os.path.join(os.environ["PB_TWISTED_DOC"], "howto/tutorial/listings/finger")
from twisted.internet import reactor
from twisted.spread import pb
text = gzip.open(f"{finger}/finger21.tac.gz", "rt").read().split("application = service.Application")[0]
module = types.ModuleType("finger21")
sys.modules["finger21"] = module
exec(compile(text, "finger21.tac", "exec"), module.__dict__)
service = module.FingerService(f"{finger}/etc.users")
service.startService()
reactor.listenTCP(8787, pb.PBServerFactory(module.IPerspectiveFinger(service)))
reactor.run()
