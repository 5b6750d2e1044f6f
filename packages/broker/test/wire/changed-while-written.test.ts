// Containers that a state hook changes while they are written: the message stays well formed.

import { Copyable, remoteCopy, RemoteCopy, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { describe, expect, test } from "vitest";

/** Runs a function when its state is read. */
class Hook extends Copyable {
  static readonly remoteType = "test.Hook";
  readonly #run: () => void;

  constructor(run: () => void) {
    super();
    this.#run = run;
  }

  override getStateToCopyFor(): unknown {
    this.#run();
    return {};
  }
}

class HookCopy extends RemoteCopy {}

class Sizes extends Root {
  remote_size(value: { size?: number; length?: number }): number {
    return value.size ?? value.length ?? Object.keys(value).length;
  }
}

/** A container that holds a hook and something else, and what the hook does to it. */
const makers = {
  map: (kind: "add" | "remove") => {
    const map = new Map<number, unknown>();
    const hook = new Hook(() => (kind === "add" ? map.set(3, "added") : map.delete(2)));
    return map.set(1, hook).set(2, "second");
  },
  set: (kind: "add" | "remove") => {
    const set = new Set<unknown>();
    const hook = new Hook(() => (kind === "add" ? set.add("added") : set.delete("second")));
    return set.add(hook).add("second");
  },
  list: (kind: "add" | "remove") => {
    const list: unknown[] = [];
    list.push(new Hook(() => (kind === "add" ? list.push("added") : list.pop())), "second");
    return list;
  },
  object: (kind: "add" | "remove") => {
    const object: Record<string, unknown> = { first: undefined, second: 2 };
    object.first = new Hook(() => (kind === "add" ? (object.added = 1) : delete object.second));
    return object;
  },
} as const;

async function open() {
  const types = new TypeRegistry().register(remoteCopy("test.Hook", HookCopy));
  const pair = await connectedPair({ root: new Sizes(), types }, { types });
  return { pair, root: await pair.client.getRootObject() };
}

describe.each(Object.keys(makers) as (keyof typeof makers)[])("a %s", (name) => {
  test("to which something is added while it is written is sent as it was", async () => {
    const { pair, root } = await open();
    expect(await root.callRemote("size", makers[name]("add"))).toBe(2);
    expect(await root.callRemote("size", [1, 2, 3])).toBe(3);
    await pair.close();
  });

  test("from which something is removed while it is written costs at most its own call", async () => {
    const { pair, root } = await open();
    const outcome = await root.callRemote("size", makers[name]("remove")).catch((error: unknown) => error);
    if (name === "map" || name === "set") {
      expect(outcome).toMatchObject({
        code: "JELLY_NOT_JELLYABLE",
        message: expect.stringContaining("removed while it was written (at $.args[0]") as string,
      });
    } else expect(outcome).toBe(2);
    expect(await root.callRemote("size", [1, 2, 3])).toBe(3);
    await pair.close();
  });
});
