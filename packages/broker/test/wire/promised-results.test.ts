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

/** A copy whose state is not settled when it is asked for. */
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

/** What the client calls it. */
class NothingLeft extends Error {}

async function open() {
  const { client, server } = await connectedPair(
    { root: new Prices() },
    { errorClasses: { "shop.SoldOut": NothingLeft } },
  );
  const root = await client.getRootObject<Prices>();
  return { root, client, server };
}

describe("a result that contains promises", () => {
  test("is answered when they are settled, wherever they are", async () => {
    const { root, client } = await open();
    expect(await root.callRemote("list")).toEqual([1, 2, Object.assign(Object.create(null) as object, { three: 3 })]);
    const answer = (await root.callRemote("tuple")) as [string, Map<number, string[]>];
    expect(answer).toBeInstanceOf(Tuple);
    expect(answer[0]).toBe("a");
    expect(answer[1].get(1)).toEqual(["b"]);
    await client.close();
  });

  test("is answered from inside sets too", async () => {
    const { root, client } = await open();
    expect(await root.callRemote("set")).toEqual([new Set([1]), new FrozenSet([2])]);
    await client.close();
  });

  test("fails where nobody can wait for them: in the state of a copy", async () => {
    const { root, client } = await open();
    await expect(root.callRemote("hidden")).rejects.toThrow("A promise cannot be sent");
    await client.close();
  });

  test("keeps its shape: shared lists stay shared, cycles stay cycles", async () => {
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

  test("keeps frozensets that are shared, however deep they share each other, as they are", async () => {
    const { root, client } = await open();
    let pair: unknown[] = [new FrozenSet([0]), new FrozenSet([1])];
    for (let depth = 1; depth < 10; depth++) pair = [new FrozenSet([...pair, 0]), new FrozenSet([...pair, 1])];
    const answer = (await root.callRemote("beside", pair)) as [1, FrozenSet[]];
    const met = new Set(answer[1]);
    for (const set of met) for (const member of set) if (member instanceof FrozenSet) met.add(member);
    expect(met.size).toBe(20);
    await client.close();
  });

  test("fails when one of them does", async () => {
    const { root, client } = await open();
    const error = (await root.callRemote("broken").catch((reason: unknown) => reason)) as RemoteError;
    expect(error).toBeInstanceOf(RemoteError);
    expect(error.message).toBe("the second price is unknown");
    await client.close();
  });

  test("has no counterpart in arguments, which are sent at once", async () => {
    const { root, client } = await open();
    await expect(root.callRemote("take", [later(1)])).rejects.toThrow("$.args[0][0]");
    await client.close();
  });
});

describe("an error of the peer", () => {
  test("arrives as the class that the program has for it, with the RemoteError as its cause", async () => {
    const { root, client } = await open();
    const error = (await root.callRemote("fail", "out").catch((reason: unknown) => reason)) as NothingLeft;
    expect(error).toBeInstanceOf(NothingLeft);
    expect(error.message).toBe("no apples");
    expect((error.cause as RemoteError).is("twisted.spread.pb.Error")).toBe(true);
    const other = await root.callRemote("fail", "other").catch((reason: unknown) => reason);
    expect(other).toBeInstanceOf(RemoteError);
    await client.close();
  });

  test("is the nearest class of several", async () => {
    class Expected extends Error {}
    const { client } = await connectedPair(
      { root: new Prices() },
      { errorClasses: { "twisted.spread.pb.Error": Expected, "shop.SoldOut": NothingLeft } },
    );
    const root = await client.getRootObject<Prices>();
    expect(await root.callRemote("fail", "out").catch((reason: unknown) => reason)).toBeInstanceOf(NothingLeft);
    expect(await root.callRemote("fail", "other").catch((reason: unknown) => reason)).toBeInstanceOf(Expected);
    await client.close();
  });
});

describe("types", () => {
  test("registered while connected travel at once", async () => {
    class Colour {
      constructor(readonly name: string) {}
    }
    class Painter extends Root {
      remote_paint(): Colour {
        return new Colour("red");
      }
    }
    const ours = new TypeRegistry();
    const theirs = new TypeRegistry();
    const { client } = await connectedPair({ root: new Painter(), types: ours }, { types: theirs });
    const root = await client.getRootObject<Painter>();
    await expect(root.callRemote("paint")).rejects.toThrow("cannot be sent");
    ours.registerCopy("test.Colour", Colour);
    await expect(root.callRemote("paint")).rejects.toThrow("test.Colour");
    theirs.registerCopy("test.Colour", Colour);
    const colour = await root.callRemote("paint");
    expect(colour).toBeInstanceOf(Colour);
    expect(colour.name).toBe("red");
    await client.close();
  });
});

describe("a leak report", () => {
  test("names where references that are held came from", async () => {
    class Giver extends Root {
      remote_give(): Prices {
        return new Prices();
      }
    }
    const { client } = await connectedPair({ root: new Giver() }, { traceReferences: true });
    const root = await client.getRootObject<Giver>();
    const held = await root.callRemote("give");
    expect(client.leakReport()).toMatch(/^object 1: 1 references\n {4}at /);
    held[Symbol.dispose]();
    expect(client.leakReport()).toBe("");
    await client.close();
    await expect(held.callRemote("list")).rejects.not.toBeInstanceOf(ConnectionLostError);
  });
});
