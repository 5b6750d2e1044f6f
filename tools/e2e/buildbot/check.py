#!/usr/bin/python3
"""check.py --port PORT BUILDER... : send a change for each builder with the REAL `buildbot sendchange`, wait for the
build, and compare it with what the REAL worker produces (table below). Start the master (start.sh) and connect a
worker first. rc 0 = all as expected.
BUILDERs: basic shell files errors exception core slow (default: basic). --no-send: check the newest build, send nothing."""
import argparse, hashlib, json, os, re, subprocess, sys

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser()
ap.add_argument("--port", default="9989")
ap.add_argument("--timeout", default="90")
ap.add_argument("--no-send", action="store_true")
ap.add_argument("builders", nargs="*", default=["basic"])
o = ap.parse_args()
state = os.path.join(os.environ["PBREAL_STATE"], "master-" + o.port)
R = re.compile
SUM = ("c297ddc45cc87a3613c39fc03befec79eb757ba0c94fdcde2a59cb3125e99a6f  d/in.txt\n"
       "a2706a20394e48179a86c71e82c360c2960d3652340f9b9fdb355a42e3ac7691  d/big.bin\n")
BIG = "".join("line %d of output %s\n" % (i, "x" * 26) for i in range(20000))
# builder -> (build result, {step: (result, {log/stream: exact text or regex})})
WANT = {
    "basic": ("failure", {
        "hello": ("success", {"stdio/stdout": "hello\n", "stdio/header": R("program finished with exit code 0")}),
        "exit3": ("failure", {"stdio/stdout": "", "stdio/header": R("program finished with exit code 3")})}),
    "shell": ("success", {
        "env": ("success", {"stdio/stdout": "gr\u00fc\u00df\n", "stdio/stderr": "to-stderr\n"}),
        "unicode": ("success", {"stdio/stdout": "\u2603 \U0001f600 \u00e9\n"}),
        "badutf8": ("success", {"stdio/stdout": "\ufffd\ufffd ok\n"}),
        "big": ("success", {"stdio/stdout": BIG}),
        "noeol": ("success", {"stdio/stdout": "no newline at end\n"}),
        "stdin": ("success", {"stdio/stdout": "from stdin\n"}),
        "logfile": ("success", {"x/stdout": "inlog\n"}),
        "pty": ("success", {"stdio/stdout": R(r"^tty\r?\n$")}),
        "timeout": ("failure", {}), "maxtime": ("failure", {"stdio/stdout": R("tick\ntick\n")}),
        "notfound": ("failure", {}), "signalled": ("failure", {}),
        "setprop": ("success", {"stdio/stdout": "value-of-prop\n"}),
        "useprop": ("success", {"stdio/stdout": "value-of-prop\n"})}),
    "files": ("success", {
        "mkdir": ("success", {}), "download": ("success", {}), "download-big": ("success", {}),
        "sum": ("success", {"stdio/stdout": SUM}), "exists": ("success", {}), "upload": ("success", {}),
        "upload-big": ("success", {}), "upload-missing": ("failure", {}), "upload-toobig": ("failure", {}),
        "upload-dir": ("success", {}), "upload-glob": ("success", {}), "cpdir": ("success", {}),
        "ls": ("success", {"stdio/stdout": "big.bin\nin.txt\n"}),
        "listdir": ("success", {"updates/stdout": R(r"'files', \[\['(in.txt', 'big.bin|big.bin', 'in.txt)'\]\]")}),
        "stat": ("success", {"updates/stdout": R(r"'stat', \[[\[\(]33188, \d+, .*\d+[\]\)]\]")}),
        "glob": ("success", {"updates/stdout": R(r"'files', \[\['.*build/e/.*', '.*build/e/.*'\]\]")}),
        "rmfile": ("success", {}), "rmdir": ("success", {}), "stat-missing": ("failure", {})}),
    "errors": ("cancelled", {
        "print": ("success", {}),
        # <exception type>: <message>; the type is the worker's own (buildbot_worker.base.UnknownCommand)
        "unknown-command": ("failure", {"exception/stdout": R(r"^RemoteException: .*noSuchCommand")}),
        "missing-args": ("failure", {"exception/stdout": R(r"^RemoteException: .*\n")}),
        "interrupted": ("cancelled", {"cancelled": R("asked by master.cfg")})}),
    "core": ("cancelled", {
        "unicode": ("success", {"stdio/stdout": "\u2603 \U0001f600 \u00e9\n"}),
        "megabytes": ("success", {"stdio/stdout": "".join("%d \u2603 %s\n" % (i, "x" * 35) for i in range(40000))}),
        "download": ("success", {}), "sum": ("success", {"stdio/stdout": SUM[SUM.index("\n") + 1:]}),
        "upload": ("success", {}), "upload-dir": ("success", {}),
        "exit3": ("failure", {"stdio/stdout": "", "stdio/stderr": "to-stderr\n"}),
        "interrupted": ("cancelled", {"cancelled": R("asked by master.cfg")})}),
    "slow": ("success", {"slow": ("success", {"stdio/stdout": "started\ndone\n"})}),
    "exception": ("exception", {
        "mk": ("success", {}),
        "upload-onto-dir": ("exception", {"err.text": R("RemoteException: .*Is a directory")})}),
}


def sha(path):
    return hashlib.sha256(open(os.path.join(state, path), "rb").read()).hexdigest()


bad = 0


def test(ok, what, got=""):
    global bad
    if not ok:
        bad += 1
    print(("ok    " if ok else "FAIL  ") + what + ("" if ok else "   got: " + repr(got)[:300]))


for b in o.builders:
    st = [os.path.join(here, "status.py"), "--port", o.port]
    if o.no_send:
        d = json.loads(subprocess.check_output(st + ["builds", b, "--last"]))[0]
    else:
        n = len(json.loads(subprocess.check_output(st + ["builds", b])))
        r = subprocess.run([os.path.join(here, "sendchange.sh"), o.port, b], capture_output=True, text=True)
        test(r.returncode == 0, b + ": buildbot sendchange", r.stdout + r.stderr)
        r = subprocess.run(st + ["wait", b, "--number", str(n + 1), "--timeout", o.timeout], capture_output=True, text=True)
        if r.returncode:
            test(False, b + ": build finished", r.stderr)
            continue
        d = json.loads(r.stdout)
    result, steps = WANT[b]
    test(d["results"] == result, f"{b}: build {result}", d["results"])
    have = {s["name"]: s for s in d["steps"]}
    for name, (res, logs) in steps.items():
        s = have.get(name)
        if not s:
            test(False, f"{b}/{name}: ran", sorted(have))
            continue
        test(s["results"] == res, f"{b}/{name}: {res}", s["results"])
        for key, want in logs.items():
            log, _, stream = key.partition("/")
            got = s["logs"].get(log)
            if isinstance(got, dict) and stream:
                got = got[stream]
            ok = isinstance(got, str) and (bool(want.search(got)) if hasattr(want, "search") else got == want)
            test(ok, f"{b}/{name}: {key}", got)
    if b == "core":
        for path in ("up/core.bin", "up/core/big.bin"):
            test(os.path.exists(os.path.join(state, path)) and sha(path) == SUM[64 + 11:][:64], f"core: master got {path}")
    if b == "files":
        for path, want in (("up/in.txt", SUM[:64]), ("up/big.bin", SUM[64 + 11:][:64]), ("up/d/in.txt", SUM[:64]),
                           ("up/d/big.bin", SUM[64 + 11:][:64]), ("up/multi/in.txt", SUM[:64])):
            try:
                test(sha(path) == want, f"files: master got {path}")
            except OSError as e:
                test(False, f"files: master got {path}", e)
        try:
            test(os.path.getsize(os.path.join(state, "up/cut.bin")) == 1000, "files: up/cut.bin cut at 1000 bytes")
        except OSError as e:
            test(False, "files: up/cut.bin", e)
print("FAILED %d" % bad if bad else "all as expected")
sys.exit(1 if bad else 0)
