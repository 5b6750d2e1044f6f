// Sends each value of the table over a socket, over a pair of links in memory, and to a local object.

import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { asLocal, Broker, Referenceable, RemoteError, Root } from "@pb/broker";
import type { Reference, RemoteStream } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { JellyError } from "@pb/jelly-types";
import { TestLink } from "../support/socket-link.js";
import { child, rows } from "./table.js";
import type { Row } from "./table.js";

class Values extends Root {
  received: unknown;

  remote_give(index: number): unknown {
    return rows[index]!.send();
  }

  remote_take(value: unknown): void {
    this.received = value;
  }
}

interface Way {
  readonly name: string;
  readonly root: Values;
  readonly reference: Reference;
}

const closers: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closers) await close();
});

async function overSocket(): Promise<Way> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const [[socket], link] = await Promise.all([
    once(server, "connection") as Promise<[Socket]>,
    TestLink.connect((server.address() as AddressInfo).port),
  ]);
  const root = new Values();
  new Broker(new TestLink(socket, "listener"), { root });
  const client = new Broker(link, { onEvent: () => undefined });
  closers.push(async () => {
    await client.close();
    server.close();
  });
  return { name: "over a socket", root, reference: await client.getRootObject() };
}

async function inMemory(): Promise<Way> {
  const root = new Values();
  const pair = await connectedPair({ root, onEvent: () => undefined });
  closers.push(() => pair.close());
  return { name: "over a pair of links", root, reference: await pair.client.getRootObject() };
}
function locally(options?: Parameters<typeof asLocal>[1]): Way {
  const root = new Values();
  const name = options === undefined ? "to a local object" : "to a local object, with copies";
  return { name, root, reference: asLocal(root, options) };
}

const ways = [await overSocket(), await inMemory(), locally(), locally({ copy: { onEvent: () => undefined } })];

/** Checks the classes, and for references that the object is reached. */
function expectArrived(actual: unknown, expected: unknown): void {
  expect(actual).toEqual(expected);
  expect(shapeOf(actual)).toEqual(shapeOf(expected));
}

/** What `toEqual` does not compare. */
function shapeOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value;
  if (isReference(value)) return "reference";
  if (Array.isArray(value)) return [value.constructor.name, ...value.map(shapeOf)];
  if (value instanceof Map) return ["Map", ...[...value].flat().map(shapeOf)];
  if (Symbol.iterator in value) return [value.constructor.name, ...[...(value as Iterable<unknown>)].map(shapeOf)];
  const prototype = Object.getPrototypeOf(value) as object | null;
  const name = prototype === null || prototype === Object.prototype ? "data" : prototype.constructor.name;
  const keys = [...Object.keys(value), ...Object.getOwnPropertySymbols(value)];
  return [name, ...keys.map((key) => [key, shapeOf((value as Record<PropertyKey, unknown>)[key])])];
}

function isReference(value: object): boolean {
  return "isAlive" in value || "$$typeof" in value;
}

async function expectReferencesToChild(value: unknown): Promise<void> {
  if (typeof value !== "object" || value === null) return;
  if (isReference(value)) {
    const answer = await (value as Reference).callRemote("ping").catch(() => undefined);
    if (answer !== undefined) expect(answer).toBe("pong");
    else for await (const _item of value as RemoteStream); // It fails if it is no stream.
    return;
  }
  const parts = value instanceof Map ? [...value].flat() : Symbol.iterator in value ? [...(value as Set<unknown>)] : [];
  for (const part of [...parts, ...Object.values(value)]) await expectReferencesToChild(part);
}

describe.each(ways)("sent $name", ({ root, reference }) => {
  const named = (direction: Row["direction"], isRefused: boolean): [string, number][] =>
    rows.flatMap((row, index): [string, number][] =>
      row.direction === direction && (row.isRefused === true) === isRefused ? [[row.name, index]] : [],
    );

  test.each(named("result", false))("%s arrives as the type of the result", async (_name, index) => {
    const result = await reference.callRemote("give", index);
    expectArrived(result, rows[index]!.expected);
    await expectReferencesToChild(result);
  });

  test.each(named("result", true))("%s as a result is refused", async (_name, index) => {
    const error = await reference.callRemote("give", index).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RemoteError);
    expect(String(error)).toMatch(/cannot be sent/);
  });

  test.each(named("argument", false))("%s arrives as the type of the parameter, or changes", async (_name, index) => {
    root.received = "nothing";
    await reference.callRemote("take", rows[index]!.send());
    expectArrived(root.received, rows[index]!.expected);
    await expectReferencesToChild(root.received);
  });

  test.each(named("argument", true))("%s as an argument is refused", async (_name, index) => {
    root.received = "nothing";
    await expect(reference.callRemote("take", rows[index]!.send())).rejects.toBeInstanceOf(JellyError);
    expect(() => reference.sendRemote("take", rows[index]!.send())).toThrow(JellyError);
    expect(root.received).toBe("nothing");
  });
});

test("the table has rows for everything", () => {
  expect(rows.length).toBeGreaterThan(60);
  expect(child).toBeInstanceOf(Referenceable);
});
