// Proxies of received references and caches, as Vue and MobX make them, and classes registered as the wrong kind.

import { reactive as vueReactive } from "@vue/reactivity";
import { expect, test } from "vitest";
import { asLocal, Cacheable, PageCollector, RemoteCache, remoteCache, Root } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
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
  async *remote_numbers() {
    yield 1;
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

/** Objects of the library that programs keep, and what they use of them. */
const kept: Record<
  string,
  (root: RemoteReference<any>, broker: Broker) => [object: object, use: (object: any) => unknown]
> = {
  "RemoteReference.callRemote": (root) => [root, (object) => object.callRemote("self")],
  "RemoteReference.call": (root) => [root, (object) => object.call.self()],
  "RemoteReference.isAlive": (root) => [root, (object) => object.isAlive],
  "RemoteReference.sendRemote": (root) => [root, (object) => object.sendRemote("self")],
  "RemoteReference.readable": (root) => [root, (object) => object.readable],
  "RemoteReference.Symbol(Symbol.asyncIterator)": (root) => [root, (object) => object[Symbol.asyncIterator]()],
  [`RemoteReference.${String(dispose)}`]: (root) => [root, (object) => object[dispose]()],
  "RemoteCaller.callRemote": (root) => [root.with({ timeoutMs: 9 }), (object) => object.callRemote("self")],
  "PipelinedReference.callRemote": (root) => [root.pipe("self"), (object) => object.callRemote("self")],
  "PipelinedReference.then": (root) => [root.pipe("self"), (object) => object.then(() => undefined)],
  "StreamReader.next": (root) => [(root as any)[Symbol.asyncIterator](), (object) => object.next()],
  "LocalReference.callRemote": () => [asLocal(new Desk()), (object) => object.callRemote("self")],
  "LoopbackReference.callRemote": () => [asLocal(new Desk(), { copy: {} }), (object) => object.callRemote("self")],
  "PageCollector.discard": () => [new PageCollector(), (object) => object.discard()],
  "Broker.isOpen": (_root, broker) => [broker, (object) => object.isOpen],
  "Broker.getRootObject": (_root, broker) => [broker, (object) => object.getRootObject()],
};

test.each(Object.entries(kept))("%s of a proxy or a copy throws an error with advice", async (name, make) => {
  const { client } = await connectedPair({ root: new Desk() });
  const [object, use] = make(await client.getRootObject<any>(), client);
  for (const wrapped of [new Proxy(object, {}), reactive(object), Object.create(object) as object]) {
    const message = `${name} was used on a proxy or a copy of the object: keep the object itself in your state, with `;
    expect(() => use(wrapped)).toThrow(new TypeError(`${message}markRaw (Vue), observable.ref (MobX) or ref (Valtio)`));
  }
  expect(vueReactive({ object }).object).toBe(object);
});
