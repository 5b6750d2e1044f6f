"""A program on stage, as stage.ts: JSON lines on stdin ask, JSON lines on stdout tell."""

import json
import os
import resource
import sys
import threading
import time

from twisted.internet import defer, reactor


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory():
    import gc

    gc.collect()
    try:
        with open("/proc/self/statm") as pages:
            resident = int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return {}
    return {"used": resident, "resident": resident}


def tell(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def act(line, acts):
    asked = json.loads(line)
    before = cpu()
    start = time.perf_counter()
    outcome = None
    if asked["act"] == "memory":
        outcome = memory()
    elif asked["act"] in acts:
        outcome = await acts[asked["act"]](asked["times"])
    seconds = time.perf_counter() - start
    tell({"seconds": seconds, "cpu": cpu() - before, "cpuSoFar": cpu(), **(outcome or {})})


def fail(failure):
    failure.printTraceback(sys.stderr)
    os._exit(1)


def perform(facts, acts):
    tell(facts)

    def listen():
        for line in sys.stdin:
            reactor.callFromThread(lambda line=line: defer.ensureDeferred(act(line, acts)).addErrback(fail))
        reactor.callFromThread(reactor.stop)

    threading.Thread(target=listen, daemon=True).start()
