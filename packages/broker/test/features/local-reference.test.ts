// Local references: `asLocal` has the behavior of a reference over a connection.

import { describe, expect, test } from "vitest";
import { asLocal, kwargs, PBError, Referenceable, RemoteError, Root } from "@pb/broker";
import type { Reference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { scenario } from "./local-or-remote.js";
import { Shop } from "./local-or-remote.js";

describe("the same program", () => {
  test("runs on a local object", async () => {
    expect(await scenario(asLocal(new Shop()))).toEqual(expected);
  });

  test("runs on a local object whose arguments and results are copied, as over a connection", async () => {
    expect(await scenario(asLocal(new Shop(), { copy: {} }))).toEqual(expected);
  });

  test("runs over a connection", async () => {
    const { client, server } = await connectedPair({ root: new Shop() });
    expect(await scenario(await client.getRootObject<Shop>())).toEqual(expected);
    await Promise.all([client.close(), server.close()]);
  });

  const expected = [
    "sold 2 apples to Ann, 3 left",
    "Ann received: 2 apples",
    "the till: 2",
    "RemoteError shop.SoldOut: only 3 apples, is an error of PB: true",
    "missing method rejects: true",
    "reference returned to its owner: true",
  ];
});

describe("a local reference", () => {
  class Box extends Root {
    readonly given: unknown[] = [];
    remote_keep(value: unknown): unknown {
      this.given.push(value);
      return value;
    }
    remote_fail(): never {
      throw new PBError("no");
    }
    remote_wait(): Promise<never> {
      return new Promise(() => undefined);
    }
  }

  test("is the same reference for the same object", () => {
    const box = new Box();
    expect(asLocal(box)).toBe(asLocal(box));
  });

  test("passes values without copying them, unless the option `copy` is set", async () => {
    const box = new Box();
    const list = [1, { deep: [2] }];
    await asLocal(box).callRemote("keep", list);
    await asLocal(box, { copy: {} }).callRemote("keep", list);
    expect(box.given[0]).toBe(list);
    expect(box.given[1]).not.toBe(list);
    expect(box.given[1]).toEqual([1, { deep: [2] }]);
  });

  test("replaces objects by references in lists, dicts, tuples and cycles", async () => {
    class Friend extends Referenceable {
      remote_name(): string {
        return "friend";
      }
    }
    const box = new Box();
    const friend = new Friend();
    const cycle: unknown[] = [friend];
    cycle.push(cycle, { in: new Map([["map", friend]]) });
    const back = (await asLocal(box).callRemote("keep", cycle)) as unknown[];
    const [seen] = box.given as [[Reference, unknown, { in: Record<string, unknown> }]];
    expect(await seen[0].callRemote("name")).toBe("friend");
    expect(seen[1]).toBe(seen);
    expect(seen[2].in.map).toBe(seen[0]);
    // The result contains the objects themselves again.
    expect(back[0]).toBe(friend);
    expect(back[1]).toBe(back);
  });

  test("rejects with the error that a caller over a connection gets, with the thrown error as its cause", async () => {
    const error = (await asLocal(new Box())
      .callRemote("fail")
      .catch((reason: unknown) => reason)) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.is("twisted.spread.pb.Error")).toBe(true);
    expect(error.cause).toBeInstanceOf(PBError);
  });

  test("rejects after the timeout, and when its signal aborts", async () => {
    await expect(asLocal(new Box()).with({ timeoutMs: 5 }).callRemote("wait")).rejects.toThrow("wait was not answered");
    const abort = new AbortController();
    const call = asLocal(new Box()).with({ signal: abort.signal }).callRemote("wait");
    abort.abort(new Error("canceled"));
    await expect(call).rejects.toThrow("canceled");
  });

  test("cannot be called after it was disposed of", async () => {
    const box = new Box();
    const reference = asLocal(box);
    reference[Symbol.dispose]();
    expect(reference.isAlive).toBe(false);
    await expect(reference.callRemote("keep", 1)).rejects.toThrow("released");
    expect(asLocal(box)).not.toBe(reference);
  });

  test("passes keyword arguments", async () => {
    class Named extends Root {
      static readonly parameters = { greet: ["greeting", "name?"] };
      remote_greet(greeting: string, name = "you"): string {
        return `${greeting} ${name}`;
      }
    }
    const named = asLocal(new Named()) as unknown as Reference;
    expect(await named.callRemote("greet", "hello", kwargs({ name: "Bob" }))).toBe("hello Bob");
    await expect(named.callRemote("greet", kwargs({ nome: "Bob" }))).rejects.toThrow("misses the argument greeting");
  });
});
