// Results that contain promises: they are answered when all promises have resolved.

import { describe, expect, test } from "vitest";
import { RemoteError } from "@pb/broker";
import { FrozenSet, Tuple } from "@pb/jelly-types";
import { later, open } from "../support/prices.js";

describe("a result that contains promises", () => {
  test("is answered when they have resolved, at any depth", async () => {
    const { root, client } = await open();
    expect(await root.callRemote("list")).toEqual([1, 2, Object.assign(Object.create(null) as object, { three: 3 })]);
    const answer = (await root.callRemote("tuple")) as [string, Map<number, string[]>];
    expect(answer).toBeInstanceOf(Tuple);
    expect(answer[0]).toBe("a");
    expect(answer[1].get(1)).toEqual(["b"]);
    await client.close();
  });

  test("may contain them in sets", async () => {
    const { root, client } = await open();
    expect(await root.callRemote("set")).toEqual([new Set([1]), new FrozenSet([2])]);
    await client.close();
  });

  test("rejects the call if a promise is in the state of a copy", async () => {
    const { root, client } = await open();
    await expect(root.callRemote("hidden")).rejects.toThrow("A promise cannot be sent");
    await client.close();
  });

  test("keeps shared lists and cycles", async () => {
    const { root, client } = await open();
    const [one, two, three] = (await root.callRemote("shared")) as unknown[][];
    expect(one).toEqual(["same"]);
    expect(two).toBe(one);
    expect(three).toBe(one);
    const cycle = (await root.callRemote("cycle")) as unknown[];
    expect(cycle[0]).toBe(1);
    expect(cycle[1]).toBe(cycle);
    await client.close();
  });

  test("keeps frozensets shared that share each other over ten levels", async () => {
    const { root, client } = await open();
    let pair: unknown[] = [new FrozenSet([0]), new FrozenSet([1])];
    for (let depth = 1; depth < 10; depth++) pair = [new FrozenSet([...pair, 0]), new FrozenSet([...pair, 1])];
    const answer = (await root.callRemote("beside", pair)) as [1, FrozenSet[]];
    const sets = new Set(answer[1]);
    for (const set of sets) for (const member of set) if (member instanceof FrozenSet) sets.add(member);
    expect(sets.size).toBe(20);
    await client.close();
  });

  test("rejects the call when one of them rejects", async () => {
    const { root, client } = await open();
    const error = (await root.callRemote("broken").catch((reason: unknown) => reason)) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.message).toBe("the second price is unknown");
    await client.close();
  });

  test("is not possible in arguments, which are sent at once", async () => {
    const { root, client } = await open();
    await expect(root.callRemote("take", [later(1)])).rejects.toThrow("$.args[0][0]");
    await client.close();
  });
});
