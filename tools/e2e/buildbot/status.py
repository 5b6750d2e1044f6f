#!/usr/bin/python3
"""What the master recorded, read from its sqlite file (the master has no web UI here).

status.py [--port 9989] builds [BUILDER] [--last]       finished and running builds, JSON
status.py [--port 9989] wait BUILDER [--number N] [--timeout 60]
                                                        wait for build N (default: the newest that finishes after
                                                        this call starts, or 1) and print it; rc 0 found, 3 timed out
status.py [--port 9989] summary [BUILDER]               one line a step: number name result log lines
status.py [--port 9989] changes | workers | connected
"""
import argparse, json, os, sqlite3, sys, time

here = os.path.dirname(os.path.abspath(__file__))
ap = argparse.ArgumentParser(usage=__doc__)
ap.add_argument("--port", default="9989")
ap.add_argument("--state")
ap.add_argument("what")
ap.add_argument("builder", nargs="?")
ap.add_argument("--number", type=int)
ap.add_argument("--timeout", type=float, default=60)
ap.add_argument("--last", action="store_true")
o = ap.parse_args()
state = o.state or os.path.join(os.environ["PBREAL_STATE"], "master-" + o.port)
RES = {0: "success", 1: "warnings", 2: "failure", 3: "skipped", 4: "exception", 5: "retry", 6: "cancelled", None: None}


def q(sql, *a):
    db = sqlite3.connect("file:" + os.path.join(state, "state.sqlite") + "?mode=ro", uri=True, timeout=10)
    db.row_factory = sqlite3.Row
    try:
        return [dict(r) for r in db.execute(sql, a)]
    finally:
        db.close()


def log_text(logid):
    parts = []
    for r in q("select content, compressed from logchunks where logid=? order by first_line", logid):
        c = r["content"]
        if r["compressed"]:
            raise SystemExit("compressed log chunk: master.cfg must set logCompressionMethod raw")
        parts.append(c.decode("utf8", "replace") if isinstance(c, bytes) else c)
    return "\n".join(parts)


def build(b):
    d = {"builder": b["name"], "number": b["number"], "complete": b["complete_at"] is not None,
         "results": RES.get(b["results"], b["results"]), "state": b["state_string"], "steps": []}
    for s in q("select * from steps where buildid=? order by number", b["id"]):
        st = {"name": s["name"], "results": RES.get(s["results"], s["results"]), "state": s["state_string"], "logs": {}}
        for l in q("select * from logs where stepid=?", s["id"]):
            text = log_text(l["id"])
            if l["type"] == "s":   # each line: o stdout, e stderr, h header
                split = {"stdout": [], "stderr": [], "header": []}
                for line in text.split("\n"):
                    if line:
                        split[{"o": "stdout", "e": "stderr", "h": "header"}[line[0]]].append(line[1:] + "\n")
                st["logs"][l["name"]] = {stream: "".join(lines) for stream, lines in split.items()}
            else:
                st["logs"][l["name"]] = text
        d["steps"].append(st)
    d["properties"] = {r["name"]: json.loads(r["value"]) for r in
                       q("select name, value from build_properties where buildid=?", b["id"])}
    return d


def builds(name=None):
    sql = "select b.*, r.name from builds b join builders r on r.id=b.builderid"
    return q(sql + (" where r.name=?" if name else "") + " order by b.id", *([name] if name else []))


def p(x):
    print(json.dumps(x, indent=1, ensure_ascii=False))


if o.what == "builds":
    bs = builds(o.builder)
    p([build(b) for b in (bs[-1:] if o.last else bs)])
elif o.what == "wait":
    done = [b["number"] for b in builds(o.builder) if b["complete_at"] is not None]
    want = o.number or (max(done) + 1 if done else 1)
    end = time.time() + o.timeout
    while time.time() < end:
        for b in builds(o.builder):
            if b["number"] == want and b["complete_at"] is not None:
                p(build(b))
                sys.exit(0)
        time.sleep(0.2)
    print(f"build {want} of {o.builder} did not finish in {o.timeout} s", file=sys.stderr)
    sys.exit(3)
elif o.what == "summary":
    for b in builds(o.builder):
        d = build(b)
        print(f"{d['builder']} #{d['number']}: {d['results']}  ({d['state']})")
        for s in d["steps"]:
            lens = {k: ({a: c for a, c in ((x, len(v[x])) for x in v) if c} if isinstance(v, dict) else len(v)) for k, v in s["logs"].items()}
            print(f"   {s['name']:16} {s['results']}  {s['state']}  {lens}")
elif o.what == "changes":
    p(q("select * from changes"))
elif o.what == "workers":
    p(q("select * from workers"))
elif o.what == "connected":
    p(q("select w.name from connected_workers c join workers w on w.id=c.workerid"))
else:
    ap.error(o.what)
