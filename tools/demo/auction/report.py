"""Reports an event of a demo program to the demo: one line of JSON on stdout with the event and its result."""
import json


def report(event, result):
    print(json.dumps([event, result]), flush=True)
