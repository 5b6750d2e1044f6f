// A gateway that passes on the calls of some methods only.

import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { BananaError, decode, encode } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { Cacheable, Referenceable, RemoteCache, remoteCache, RemoteError } from "@pb/broker";
import type { CacheObserver, Perspective, RemoteReference } from "@pb/broker";
import { jelly, TypeRegistry } from "@pb/jelly-types";
import { listen as listenTcp } from "@pb/node-transport";
import { gateway } from "@pb/web-transport/node";
import { MethodFilter } from "../../src/node/method-filter.js";
import { referencesIn } from "../../src/node/references-in.js";
import { unfinishedMessages } from "../../src/node/unfinished-messages.js";
import { connectTo, Echo, errorOf, until } from "../support/echo.js";

class Board extends Cacheable {
  static readonly remoteType = "test.Board";
  readonly observers = new Set<CacheObserver>();
  override getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): object {
    this.observers.add(observer);
    return { price: 40 };
  }
  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.observers.delete(observer);
  }
}
class BoardCopy extends RemoteCache {
  declare price: number;
}
const types = new TypeRegistry().register(remoteCache(Board.remoteType, BoardCopy));

class House extends Echo {
  readonly called: string[] = [];
  remote_secret = (...args: unknown[]): void => void this.called.push(`secret ${args.length}`);
  remote_price = ({ price }: BoardCopy): number => price;
  remote_ask = (bidder: RemoteReference): Promise<unknown> => bidder.callRemote("offer");
}
class Bidder extends Referenceable {
  remote_offer = (): number => 45;
}

/** A server with a gateway that allows four methods, and a client. */
async function start() {
  const house = new House();
  const target = await listenTcp("tcp:0:interface=127.0.0.1", house, { broker: { types } });
  const methods = ["echo", "price", "ask", "wait"];
  const between = await gateway({
    listen: "ws:0:interface=127.0.0.1:path=/pb",
    to: `tcp:127.0.0.1:${target.port}`,
    methods,
  });
  const url = `ws://127.0.0.1:${between.port}/pb`;
  const connection = await connectTo(url);
  onTestFinished(async () => {
    await connection.close();
    await between.close();
    await target.close();
  });
  return { house, between, url, connection, root: await connection.getRootObject<House>() };
}

test("passes on the methods of the list, and answers all others itself", async () => {
  const { house, root, connection } = await start();
  expect(await root.callRemote("ask", new Bidder())).toBe(45);
  const error = await errorOf(root.callRemote("secret", 1));
  expect(error).toBeInstanceOf(RemoteError);
  expect(error.message).toBe("The gateway does not allow calls of secret");
  expect((error as unknown as RemoteError).is("twisted.spread.flavors.NoSuchMethod")).toBe(true);
  root.sendRemote("secret", 2);
  expect(await root.callRemote("echo", [1.5, 2n ** 70n, "ä", null])).toEqual([1.5, 2n ** 70n, "ä", null]);
  expect(house.called).toEqual([]);
  expect(connection.isOpen).toBe(true);
});

test("releases the references and caches of a call that it does not pass on", async () => {
  const { root, connection } = await start();
  const given = (): number[] => [connection.stats().referencesGiven, connection.stats().cachesGiven];
  const before = String(given());
  const board = new Board();
  await errorOf(root.callRemote("secret", { of: [new Bidder(), board] }, new Bidder(), board));
  await until(() => board.observers.size === 0 && String(given()) === before);
  // The server has not learned of the first copy, and gets another one.
  expect(await root.callRemote("price", board)).toBe(40);
  const bidder = new Bidder();
  await errorOf(root.callRemote("secret", bidder));
  expect(await root.callRemote("ask", bidder)).toBe(45);
});

test("a cache that is being released cannot be used before it was released", async () => {
  const { root } = await start();
  const board = new Board();
  const refused = errorOf(root.callRemote("secret", board));
  expect((await errorOf(root.callRemote("price", board))).message).toContain("does not allow");
  await refused;
  await until(() => board.observers.size === 0);
  expect(await root.callRemote("price", board)).toBe(40);
});

test("its answers do not cut those of the server", async () => {
  const { root } = await start();
  const large = new Uint8Array(600_000).fill(7);
  const calls = Array.from({ length: 40 }, (_, index) =>
    index % 8 === 0 ? root.callRemote("echo", large) : errorOf(root.callRemote("secret")),
  );
  for (const [index, answer] of (await Promise.all(calls)).entries()) {
    if (index % 8 !== 0) expect((answer as Error).message).toContain("does not allow");
    else expect(Buffer.compare(answer as Uint8Array, large)).toBe(0);
  }
});

test.each<[string, Uint8Array[]]>([
  ["an unknown dialect", [encode(Buffer.from("xyz"))]],
  ["bytes that are not Banana", [encode(Buffer.from("pb")), new Uint8Array(100).fill(255)]],
  ["a message that is too large", [encode(Buffer.from("pb")), Buffer.from("100882008086", "hex")]],
])("%s ends the connection, and no other", async (_what, messages) => {
  const { url, root, between } = await start();
  const client = new WebSocket(url);
  client.on("error", () => undefined);
  client.once("message", () => {
    for (const message of messages) client.send(message);
    for (let count = 0; count < 20; count++) client.send(new Uint8Array(256 * 1024));
  });
  await until(() => client.readyState === WebSocket.CLOSED);
  expect(await root.callRemote("echo", 1)).toBe(1);
  await until(() => between.relays === 1);
});

test("an unfinished message does not count anymore when its connection has ended", async () => {
  const held: number[] = [];
  const hold = vi.spyOn(unfinishedMessages, "hold").mockReturnValue((bytes) => void held.push(bytes));
  onTestFinished(() => hold.mockRestore());
  const { url, between } = await start();
  const client = new WebSocket(url);
  client.once("message", () => {
    client.send(encode(Buffer.from("pb")));
    client.send(encode(new Uint8Array(60_000)).subarray(0, 50_000));
  });
  await until(() => held.at(-1) === 50_000);
  client.terminate();
  await until(() => between.relays === 1);
  expect(held.at(-1)).toBe(0);
});

describe("the filter of a connection", () => {
  function filter() {
    const toClient: Expression[] = [];
    const toServer: Expression[] = [];
    const made = new MethodFilter(new Set(["echo"]), {
      toClient: (bytes) => void toClient.push(decode(bytes, { dialect: "pb" })),
      toServer: (bytes) => void toServer.push(decode(bytes, { dialect: "pb" })),
    });
    return { filter: made, toClient, toServer };
  }

  test("takes a choice of a dialect of at most 512 bytes, and decides that at its length", () => {
    expect(() => filter().filter.fromClient(encode(new Uint8Array(509)))).toThrow("unknown dialect"); // 3 of the length
    expect(() => filter().filter.fromClient(encode(new Uint8Array(510)).subarray(0, 8))).toThrow(BananaError);
  });

  test("remembers 1,024 caches whose release was not confirmed, and ends the connection at the next one", () => {
    const { filter: made, toClient, toServer } = filter();
    const word = (text: string): Uint8Array => Buffer.from(text);
    made.fromClient(encode(word("pb")));
    const refuse = (id: number): void => {
      const cache = [word("shop.Board"), id, [word("dictionary")]];
      const call = [word("message"), id, word("root"), word("secret"), 0, [word("tuple"), cache], [word("dictionary")]];
      made.fromClient(encode(call, { dialect: "pb" }));
    };
    for (let id = 1; id <= 1024; id++) refuse(id);
    expect(toClient).toHaveLength(1024);
    expect(encode(toClient.at(-1)!, { dialect: "pb" })).toEqual(encode([word("decache"), 1024], { dialect: "pb" }));
    made.fromClient(encode([word("uncache"), 1], { dialect: "pb" })); // Confirmed: there is room for one more.
    refuse(1025);
    expect(() => refuse(1026)).toThrow("does not confirm the release of caches");
    expect(toServer).toHaveLength(1); // the choice of the dialect
  });
});

test("refuses names that no call has", async () => {
  const start = (methods: unknown) => gateway({ listen: "ws:0", to: "tcp:127.0.0.1:1", methods: methods as string[] });
  await expect(start([1])).rejects.toThrow("The methods of a gateway are names");
  await expect(start(["remote_echo"])).rejects.toThrow('Name methods as on the wire: "echo" instead of "remote_echo"');
  await expect(start("echo")).rejects.toThrow(TypeError);
});

test("finds references only where values stand", () => {
  const remote = [Buffer.from("remote"), 5];
  const of = (value: unknown) => referencesIn([value as never]);
  expect(of(jelly(new Map([[Buffer.from("remote"), 5]]))).references).toEqual([]);
  expect(of([Buffer.from("list"), remote, [Buffer.from("tuple"), remote]]).references).toEqual([5, 5]);
  expect(of([Buffer.from("reference"), 1, [Buffer.from("shop.Cart"), remote]]).references).toEqual([5]);
  expect(of([Buffer.from("decimal"), remote, remote]).references).toEqual([]);
  expect(of([Buffer.from("shop.Stock"), 7, [Buffer.from("list"), [Buffer.from("cached"), 3]]])).toEqual({
    references: [],
    cached: [3],
    caches: [7],
  });
});
