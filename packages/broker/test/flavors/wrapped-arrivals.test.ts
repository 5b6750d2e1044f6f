// Proxies of received references and caches, as Vue and MobX make them, and classes registered as the wrong kind.

import { expect, test } from "vitest";
import { Cacheable, RemoteCache, remoteCache, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { dispose, TypeRegistry } from "@pb/jelly-types";

class Board extends Cacheable {
  static readonly remoteType = "test.Board";
  getStateToCacheAndObserveFor() {
    return { title: "todo" };
  }
  override stoppedObserving() {
    return;
  }
}
class BoardCopy extends RemoteCache {
  declare title: string;
}
class Desk extends Root {
  readonly board = new Board();
  remote_board() {
    return this.board;
  }
  remote_isBoard(board: unknown) {
    return board === this.board;
  }
  remote_self(): this {
    return this;
  }
}

async function desk() {
  const types = new TypeRegistry();
  types.register(remoteCache("test.Board", BoardCopy));
  const { client } = await connectedPair({ root: new Desk() }, { types });
  return client.getRootObject<any>();
}

/** A proxy like that of Vue, which wraps the objects that a property has, too. */
const reactive = <T extends object>(value: T): T =>
  new Proxy(value, {
    get(target, key, receiver) {
      const part: unknown = Reflect.get(target, key, receiver);
      return typeof part === "object" && part !== null ? reactive(part) : part;
    },
  });

test.each([
  ["a proxy", (board: object) => new Proxy(board, {})],
  ["a proxy of a proxy", (board: object) => new Proxy(new Proxy(board, {}), {})],
  ["a reactive object", reactive],
])("%s of a cache is sent back as the cache, and can be released", async (_name, wrap) => {
  const root = await desk();
  const board = wrap((await root.callRemote("board")) as BoardCopy) as BoardCopy;
  expect(board.title).toBe("todo");
  expect(await root.callRemote("isBoard", board)).toBe(true);
  expect(await root.callRemote("isBoard", [board])).toBe(false);
  board[dispose]();
  await expect(root.callRemote("isBoard", board)).rejects.toThrow("not after it was released (at $.args[0])");
});

test("a proxy of a reference is refused with advice, and its path", async () => {
  const root = await desk();
  const wrapped = new Proxy(root as RemoteReference, {});
  await expect(root.callRemote("isBoard", { a: wrapped })).rejects.toMatchObject({
    code: "JELLY_NOT_JELLYABLE",
    message: "A proxy of a reference cannot be sent: send the reference itself (at $.args[0].a)",
  });
});

test("a cacheable whose class was registered as that of a copy is refused with advice", async () => {
  const types = new TypeRegistry();
  types.registerCopy("test.Board", class {});
  const { client } = await connectedPair({ root: new Desk() }, { types });
  const root = await client.getRootObject<any>();
  await expect(root.callRemote("board")).rejects.toThrow(/register a remoteCache under the name/);
});
