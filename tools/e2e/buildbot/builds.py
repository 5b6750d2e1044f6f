#!/usr/bin/python3
"""builds.py FOLDER BUILDER [NUMBER]: prints the builds of one builder that the master in FOLDER has recorded in its
database, oldest first, as JSON. With NUMBER, waits until that build is complete."""
import json, sqlite3, sys, time

folder, builder, *number = sys.argv[1:]
RESULTS = ["success", "warnings", "failure", "skipped", "exception", "retry", "cancelled"]
STREAMS = {"o": "stdout", "e": "stderr", "h": "header"}
db = sqlite3.connect(f"file:{folder}/state.sqlite?mode=ro", uri=True, timeout=60)
db.row_factory = sqlite3.Row


def query(sql, *args):
    return db.execute(sql, args).fetchall()


def rows():
    return query("select b.* from builds b join builders r on r.id = builderid where r.name = ? order by b.id", builder)


def result(row):
    return None if row["results"] is None else RESULTS[row["results"]]


def log(row):
    """The text of a log: a string, or one string for each stream."""
    chunks = query("select content from logchunks where logid = ? order by first_line", row["id"])
    text = "\n".join(c if isinstance(c, str) else c.decode("utf8", "replace") for (c,) in chunks)
    if row["type"] != "s":
        return text
    lines = [line for line in text.split("\n") if line]  # the first character of each line names its stream
    return {name: "".join(line[1:] + "\n" for line in lines if line[0] == mark) for mark, name in STREAMS.items()}


def step(row):
    logs = {entry["name"]: log(entry) for entry in query("select * from logs where stepid = ?", row["id"])}
    return {"name": row["name"], "results": result(row), "logs": logs}


def build(row):
    steps = [step(s) for s in query("select * from steps where buildid = ? order by number", row["id"])]
    return {"number": row["number"], "complete": row["complete_at"] is not None, "results": result(row), "steps": steps}


while number and not any(str(row["number"]) == number[0] and row["complete_at"] for row in rows()):
    time.sleep(0.2)
print(json.dumps([build(row) for row in rows()]))
