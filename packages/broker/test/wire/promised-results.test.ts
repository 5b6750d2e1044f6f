// Results that contain promises: they are answered when all promises have resolved.

import { describe, expect, test } from "vitest";
import { ConnectionLostError, Copyable, PBError, RemoteError, Root } from "@pb/broker";
import { FrozenSet, tuple, Tuple, TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setTimeout(() => resolve(value), 5));

class Prices extends Root {
  remote_list(): unknown {
    return [1, later(2), { three: later(later(3)) }];
  }
  remote_tuple(): unknown {
    return tuple(later("a"), new Map<unknown, unknown>([[1, later([later("b")])]]));
  }
  remote_shared(): unknown {
    const shared = [later("same")];
    return [shared, shared, later(shared)];
  }
  remote_cycle(): unknown {
    const cycle: unknown[] = [later(1)];
    cycle.push(cycle);
    return cycle;
  }
  remote_broken(): unknown {
    return [later(1), Promise.reject(new PBError("the second price is unknown")), Promise.reject(new Error("third"))];
  }
  remote_set(): unknown {
    return [new Set([later(1)]), new FrozenSet([later(2)])];
  }
  remote_beside(value: unknown): unknown {
    return [later(1), value];
  }
  remote_hidden(): unknown {
    return new Hidden();
  }
  remote_take(_value: unknown): void {}
  remote_fail(kind: string): never {
    throw kind === "out" ? new SoldOut("no apples") : new OtherError("other");
  }
}

/** A copy whose state contains a promise. */
class Hidden extends Copyable {
  static readonly remoteType: string = "shop.Hidden";
  readonly price = later(1);
}

class SoldOut extends PBError {
  static override readonly remoteType: string = "shop.SoldOut";
}
class OtherError extends PBError {
  static override readonly remoteType: string = "shop.OtherError";
}

/** The client's class for `SoldOut`. */
class LocalSoldOut extends Error {}

async function open() {
  const { client, server } = await connectedPair(
    { root: new Prices() },
    { errorClasses: { "shop.SoldOut": LocalSoldOut } },
  );
  const root = await client.getRootObject<Prices>();
  return { root, client, server };
}

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

describe("an error of the peer", () => {
  test("arrives as the class in `errorClasses`, with the RemoteError as its cause", async () => {
    const { root, client } = await open();
    const error = (await root.callRemote("fail", "out").catch((reason: unknown) => reason)) as LocalSoldOut;
    expect(error).toBeInstanceOf(LocalSoldOut);
    expect(error.message).toBe("no apples");
    expect((error.cause as RemoteError).is("twisted.spread.pb.Error")).toBe(true);
    const other = await root.callRemote("fail", "other").catch((reason: unknown) => reason);
    expect(other).toBeInstanceOf(RemoteError);
    await client.close();
  });

  test("arrives as the most derived of several matching classes", async () => {
    class Expected extends Error {}
    const { client } = await connectedPair(
      { root: new Prices() },
      { errorClasses: { "twisted.spread.pb.Error": Expected, "shop.SoldOut": LocalSoldOut } },
    );
    const root = await client.getRootObject<Prices>();
    expect(await root.callRemote("fail", "out").catch((reason: unknown) => reason)).toBeInstanceOf(LocalSoldOut);
    expect(await root.callRemote("fail", "other").catch((reason: unknown) => reason)).toBeInstanceOf(Expected);
    await client.close();
  });
});

describe("types", () => {
  test("can be registered while connected", async () => {
    class Color {
      constructor(readonly name: string) {}
    }
    class Painter extends Root {
      remote_paint(): Color {
        return new Color("red");
      }
    }
    const ours = new TypeRegistry();
    const theirs = new TypeRegistry();
    const { client } = await connectedPair({ root: new Painter(), types: ours }, { types: theirs });
    const root = await client.getRootObject<Painter>();
    await expect(root.callRemote("paint")).rejects.toThrow("cannot be sent");
    ours.registerCopy("test.Color", Color);
    await expect(root.callRemote("paint")).rejects.toThrow("test.Color");
    theirs.registerCopy("test.Color", Color);
    const color = await root.callRemote("paint");
    expect(color).toBeInstanceOf(Color);
    expect(color.name).toBe("red");
    await client.close();
  });
});

describe("leakReport", () => {
  test("contains the place where each reference reference arrived", async () => {
    class Source extends Root {
      remote_give(): Prices {
        return new Prices();
      }
    }
    const { client } = await connectedPair({ root: new Source() }, { traceReferences: true });
    const root = await client.getRootObject<Source>();
    const reference = await root.callRemote("give");
    expect(client.leakReport()).toMatch(/^object 1: 1 references\n {4}at /);
    reference[Symbol.dispose]();
    expect(client.leakReport()).toBe("");
    await client.close();
    await expect(reference.callRemote("list")).rejects.not.toBeInstanceOf(ConnectionLostError);
  });
});
