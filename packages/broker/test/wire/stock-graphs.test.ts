// Graphs with cycles at a stock peer: Twisted's own unjellier is the judge.

import { spawnSync } from "node:child_process";
import type { Expression } from "@pb/banana";
import { TreeWriter } from "@pb/banana";
import { Root } from "@pb/broker";
import type { BrokerEvent } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { FrozenSet, Jellier, JellyError, tuple, TypeRegistry } from "@pb/jelly-types";
import { describe, expect, inject, test } from "vitest";
import { lostAttributes } from "../../src/wire/stock-graphs.js";
import { rejection } from "../support/raw-peer.js";

class Node {
  [name: string]: unknown;
}

const types = new TypeRegistry().registerCopy("test.Node", Node);

const node = (parts: object): Node => Object.assign(new Node(), parts);
const list = (make: (list: unknown[]) => unknown[]): unknown[] => {
  const made: unknown[] = [];
  made.push(...make(made));
  return made;
};
const itself = (make: (self: Node) => object): Node => {
  const made = new Node();
  return Object.assign(made, make(made));
};

/** What Twisted does: reads it, loses attributes, or fails. */
const graphs: Record<string, [verdict: "ok" | "lost" | "fails", make: () => unknown]> = {
  "a list in itself": ["ok", () => list((self) => [self])],
  "a list in a tuple in itself": ["ok", () => list((self) => [tuple(self)])],
  "a tuple of a cycle again": ["fails", () => { const t: unknown[] = tuple(); const l = [t]; t.push(l); return [l, t]; }],
  "a frozenset of a cycle again": ["fails", () => { const s = new FrozenSet([node({})]); const [n] = s; Object.assign(n as object, { items: [s] }); return [n, s]; }],
  "a set of a cycle again": ["fails", () => { const n = node({}); const s = new Set([n]); Object.assign(n, { items: [s] }); return [n, s]; }],
  "a set of a cycle twice inside of it": ["ok", () => itself((self) => { const s = new Set([self]); return { list: [s], again: [s] }; })],
  "a tuple of two cycles": ["fails", () => list((outer) => { const t: unknown[] = tuple(outer); const inner = [t]; t.push(inner); return [t]; })],
  "a copy as a key of its own state": ["fails", () => itself((self) => ({ names: new Map([[self, 1]]) }))],
  "a copy in a key of its own state": ["fails", () => itself((self) => ({ names: new Map([[tuple(self, 1), 1]]) }))],
  "a parent and a child": ["lost", () => itself((parent) => ({ children: [node({ parent })] }))],
  "a child that names the parent in a list": ["ok", () => itself((parent) => ({ children: [node({ parents: [parent] })] }))],
  "a child that names the parent in a tuple": ["lost", () => itself((parent) => ({ children: [node({ parents: tuple(parent) })] }))],
  "a child that names the parent in a dict": ["ok", () => itself((parent) => ({ children: [node({ links: { parent } })] }))],
  "a copy that names itself": ["lost", () => itself((self) => ({ self }))],
  "a copy that names the list around it": ["lost", () => list((around) => [node({ around })])],
  "a ring of three copies": ["lost", () => itself((a) => ({ next: node({ next: node({ next: a }) }) }))],
  "a child used twice, without a cycle": ["ok", () => { const child = node({}); return [child, tuple(child), node({ child })]; }],
}; // prettier-ignore

function written(value: unknown): Expression {
  const writer = new TreeWriter();
  new Jellier(writer, { registry: types }).writeGraph(value);
  return writer.take();
}

function verdictOf(graph: Expression): string {
  const answer = [new TextEncoder().encode("answer"), 1, graph];
  try {
    return lostAttributes(answer).length > 0 ? "lost" : "ok";
  } catch (error) {
    expect(error).toBeInstanceOf(JellyError);
    return "fails";
  }
}

test.each(Object.entries(graphs))("%s", (_what, [verdict, make]) => {
  expect(verdictOf(written(make()))).toBe(verdict);
});

/** Reads graphs with Twisted's unjellier, and prints what became of each. */
const judge = `
import sys, json
from twisted.persisted.crefutil import NotKnown
from twisted.spread import jelly, pb, flavors
class Node(pb.RemoteCopy):
    pass
flavors.setUnjellyableForClass("test.Node", Node)
def loses(value, seen):
    if isinstance(value, NotKnown):
        return True
    if id(value) in seen or isinstance(value, (str, bytes, int)) or value is None:
        return False
    seen.add(id(value))
    if isinstance(value, Node):
        return any(loses(part, seen) for part in value.__dict__.values())
    if isinstance(value, dict):
        return any(loses(part, seen) for pair in value.items() for part in pair)
    return any(loses(part, seen) for part in value)
def tree(value):
    return [tree(part) for part in value] if isinstance(value, list) else value.encode() if isinstance(value, str) else value
connection = object()
security = jelly.SecurityOptions()
security.allowBasicTypes()
security.allowTypes("test.Node", "frozenset", "set")
for line in sys.stdin:
    try:
        print("lost" if loses(jelly.unjelly(tree(json.loads(line)), security, None, connection), set()) else "ok")
    except Exception:
        print("fails")
`;

describe.each(inject("twisteds"))("Twisted $version", ({ python }) => {
  test("does what is predicted, for the graphs above and for 2,000 random ones", () => {
    const all = Object.values(graphs).map(([, make]) => written(make()));
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
    for (let count = 0; count < 2_000; count++) all.push(written(randomGraph(random)));
    const lines = all.map((graph) => JSON.stringify(graph, (_key, part: unknown) => textsOf(part)));
    const { stdout, stderr } = spawnSync(python, ["-c", judge], { input: lines.join("\n"), encoding: "utf8" });
    expect(stderr).toBe("");
    const verdicts = stdout.trim().split("\n");
    // What Twisted loses outside of the attributes of a copy is refused too.
    const wrong = verdicts.flatMap((verdict, index) => {
      const predicted = verdictOf(all[index]!);
      const isRight = predicted === verdict || (verdict === "lost" && predicted === "fails");
      return isRight ? [] : [`${verdict}, not ${predicted}: ${String(lines[index])}`];
    });
    expect(wrong.slice(0, 3)).toEqual([]);
    expect(new Set(verdicts)).toEqual(new Set(["ok", "lost", "fails"]));
  });
});

/** Byte strings of a tree as text. */
function textsOf(part: unknown): unknown {
  return part instanceof Uint8Array ? new TextDecoder().decode(part) : part;
}

/** Containers of all kinds that contain each other at random. */
function randomGraph(random: (below: number) => number): unknown {
  const made: { readonly object: object; readonly add: (part: object) => void }[] = [];
  for (let count = 2 + random(4); count > 0; count--) {
    const items: unknown[] = random(2) === 0 ? [] : tuple();
    const dict: Record<string, unknown> = random(2) === 0 ? {} : new Node();
    const map = new Map<unknown, unknown>();
    const choice = random(8);
    if (choice < 4) made.push({ object: items, add: (part) => items.push(part) });
    else if (choice < 7) made.push({ object: dict, add: (part) => (dict[`p${Object.keys(dict).length}`] = part) });
    else made.push({ object: map, add: (part) => map.set(map.size, part) });
  }
  for (let links = random(8); links >= 0; links--) made[random(made.length)]!.add(made[random(made.length)]!.object);
  return made[0]!.object;
}

describe("a connection", () => {
  class Box extends Root {
    make: () => unknown = () => null;
    remote_get(): unknown {
      return this.make();
    }
    remote_put(_value: unknown, _options?: unknown): void {}
  }

  test("refuses what Twisted cannot read, with the path, and stays open", async () => {
    const events: BrokerEvent[] = [];
    const box = new Box();
    const pair = await connectedPair({ root: box, types, onEvent: (event) => events.push(event) }, { types });
    const root = await pair.client.getRootObject<Box>();
    const [, make] = graphs["a tuple of a cycle again"]!;
    expect(await rejection(root.callRemote("put", 1, { graph: make() }))).toMatchObject({
      code: "JELLY_NOT_JELLYABLE",
      path: "$.args[1].graph[1]",
    });
    box.make = make;
    await expect(root.callRemote("get")).rejects.toThrow("Twisted cannot read this cycle");
    expect(events).toMatchObject([{ kind: "answer-failed", error: { path: "$[1]" } }]);
    await pair.expectNothingLeft();
  });

  test("reports an attribute that Twisted loses, once, and sends it", async () => {
    const events: BrokerEvent[] = [];
    const box = new Box();
    const pair = await connectedPair({ root: box, types, onEvent: (event) => events.push(event) }, { types });
    const root = await pair.client.getRootObject<Box>();
    box.make = graphs["a parent and a child"]![1];
    for (let turn = 0; turn < 3; turn++) {
      const parent = (await root.callRemote<"get">("get")) as { children: [{ parent: unknown }] };
      expect(parent.children[0].parent).toBe(parent);
    }
    expect(events).toEqual([{ kind: "attribute-lost", type: "test.Node", name: "parent" }]);
  });
});
