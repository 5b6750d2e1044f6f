/** Numbers that must not grow and are the same on every machine: bytes, promises, writes and memory of a call. */

import { createHook } from "node:async_hooks";
import { execFileSync } from "node:child_process";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { Decoder as MsgpackDecoder, Encoder as MsgpackEncoder } from "@msgpack/msgpack";
import { broadcast, Copyable, remoteCache, RemoteCopy, remoteCopy, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { connect, listen } from "@pb/node-transport";
import { describe, expect, test, vi } from "vitest";
import { Shop, StockCopy } from "../../packages/broker/test/support/stock-shop.js";
import type { Shopper } from "../../packages/broker/test/support/stock-shop.js";
import { pinReceivedValues } from "../gc/pin-received-values.js";
import { importPackages } from "./codec/main.js";
import { note } from "./calls/library.js";
import type { Note } from "./calls/library.js";
import { payloads } from "./codec/payloads.js";
import type { Memory } from "./gate-memory.js";
import { compare, inProcess } from "./paired.js";

class Echo extends Root {
  remote_echo(value: Note): Note {
    return value;
  }

  /** Answers after that many promises. */
  async remote_later(promises: number): Promise<number> {
    for (let left = promises; left > 0; left--) await Promise.resolve();
    return promises;
  }
}

/** Measured in a process of its own, whose young generation is so large that V8 collects nothing meanwhile. */
const flags = [
  ...["--single-threaded", "--no-flush-bytecode", "--expose-gc"],
  ...["--min-semi-space-size=256", "--max-semi-space-size=256"],
  ...["--import", "tsx", "--conditions=@pb/source"],
];
const program = fileURLToPath(new URL("gate-memory.ts", import.meta.url));
const memory = JSON.parse(execFileSync(process.execPath, [...flags, program], { encoding: "utf8" })) as Memory;

describe("one call of a small dict", () => {
  test("takes 178 bytes on the wire, and its answer 156", async () => {
    await using pair = await connectedPair({ root: new Echo() });
    const echo = await pair.client.getRootObject<Echo>();
    await echo.callRemote("echo", note);
    const { traffic } = pair.links.listener;
    const before = traffic.length;
    await echo.callRemote("echo", note);
    expect(traffic.slice(before).map(({ bytes }) => bytes.length)).toEqual([178, 156]);
  });

  test("creates five promises, including the one of the caller's await", async () => {
    await using pair = await connectedPair({ root: new Echo() }, {}, { isRecorded: false });
    const echo = await pair.client.getRootObject<Echo>();
    await echo.callRemote("echo", note);
    let promises = 0;
    const hook = createHook({ init: (_id, type) => void (promises += type === "PROMISE" ? 1 : 0) }).enable();
    const calls = 100;
    for (let left = calls; left > 0; left--) await echo.callRemote("echo", note);
    hook.disable();
    expect(promises).toBe(5 * calls);
  });

  test("allocates at most 7.5 kB at both sides together, buffers included, and retains nothing", () => {
    expect(memory.allocated).toBeLessThan(7500); // measured: 5,500
    expect(memory.retained).toBeLessThan(100); // measured: -17 to -11
  });
});

test("an idle connection takes at most 8.5 kB of memory at both brokers together", () => {
  expect(memory.idle).toBeLessThan(8_500);
});

test.each(Object.entries(memory.kept))("idle writers keep no memory in use: %s", (_, bytes) => {
  expect(bytes).toBeLessThan(200_000);
});

/**
 * Counts the writes on all TCP sockets of this process until `work` is done. Pipes to child processes, such as
 * esbuild's, do not count.
 */
async function countWrites(work: () => Promise<unknown>): Promise<number> {
  const writes = vi.spyOn(Socket.prototype, "write");
  try {
    await work();
    return writes.mock.contexts.filter((socket) => (socket as Socket).remoteAddress !== undefined).length;
  } finally {
    writes.mockRestore();
  }
}

// Fifty calls (9 kB) arrive in one piece on every system. A hundred arrive in several pieces on macOS, and are answered
// piece by piece.
test.each<[string, (echo: RemoteReference<Echo>, index: number) => Promise<unknown>]>([
  ["50 calls of one turn in one write, and their answers in one", (echo) => echo.callRemote("echo", note)],
  [
    "answers in one write whatever the number of promises before them",
    (echo, index) => echo.callRemote("later", index),
  ],
])("sends %s", async (_, call) => {
  // A turn that ends by time, because other programs run meanwhile, would divide the answers.
  const options = { broker: { limits: { turnMs: Infinity } } };
  await using server = await listen("tcp:0:interface=127.0.0.1", new Echo(), options);
  await using connection = await connect(`tcp:127.0.0.1:${server.port}`, options);
  const echo = await connection.getRootObject<Echo>();
  await echo.callRemote("later", 0);
  const calls = (): Promise<unknown> => Promise.all(Array.from({ length: 50 }, (_each, index) => call(echo, index)));
  expect(await countWrites(calls)).toBe(2);
});

test("a new connection and its first call take three writes: the offer, the choice with the call, and the answer", async () => {
  await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
  const writes = await countWrites(async () => {
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
    const echo = await connection.getRootObject<Echo>();
    await echo.callRemote("echo", note);
  });
  expect(writes).toBe(3);
});

test("sends small messages from one buffer, whose bytes the kernel has copied", async () => {
  await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
  await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
  const echo = await connection.getRootObject<Echo>();
  const write = vi.spyOn(Socket.prototype, "write");
  for (let left = 200; left > 0; left--) await echo.callRemote("echo", note);
  const buffers = new Set(write.mock.calls.map(([bytes]) => (bytes as Uint8Array).buffer));
  write.mockRestore();
  expect(buffers.size).toBeLessThan(3); // 67 kB: five buffers otherwise
});

describe("updates of a cached object", () => {
  /** Counts how often it is serialized. */
  class Price extends Copyable {
    static readonly remoteType = "gate.Price";
    written = 0;

    override getStateToCopyFor(): unknown {
      this.written++;
      return { cents: 7 };
    }
  }

  class PriceCopy extends RemoteCopy {}

  class WatchedStock extends StockCopy {
    static changed = (): void => undefined;

    observe_price(_price: PriceCopy): void {
      WatchedStock.changed();
    }
  }

  test("serializes ten updates of one turn once each for 100 observers, and sends them in one write per connection", async () => {
    using _pinned = pinReceivedValues(); // the release of a collected reference is a write, too
    const shop = new Shop();
    const types = new TypeRegistry()
      .register(remoteCache("shop.Stock", WatchedStock))
      .register(remoteCopy("gate.Price", PriceCopy));
    await using server = await listen("tcp:0:interface=127.0.0.1", shop);
    const endpoint = `tcp:127.0.0.1:${server.port}`;
    const connections = await Promise.all(Array.from({ length: 100 }, () => connect(endpoint, { broker: { types } })));
    // Kept until the end: a reference that is collected as garbage meanwhile would be one more write.
    const shops = await Promise.all(connections.map((each) => each.getRootObject<Shopper>()));
    const copies = await Promise.all(shops.map((each) => each.callRemote("stock")));
    const price = new Price();
    let left = 10 * copies.length;
    const writes = await countWrites(async () => {
      const arrived = new Promise<void>((resolve) => {
        WatchedStock.changed = () => {
          if (--left === 0) resolve();
        };
      });
      for (let update = 0; update < 10; update++) broadcast(shop.stock.observers, "price", price);
      await arrived;
    });
    expect({ written: price.written, writes }).toEqual({ written: 10, writes: 100 });
    expect(new Set(shops).size).toBe(100);
    await Promise.all(connections.map((each) => each.close()));
  });
});

/**
 * Compared in one process, in processor time, with wide margins: this finds changes that make the codec several times
 * slower. Two other codecs are needed: JSON is part of V8 and gets faster with versions of Node; MessagePack is written
 * in JavaScript as ours, but one of its versions may be slow.
 */
describe("the codec takes at most eight times as long as JSON and three times as long as MessagePack", async () => {
  const packages = await importPackages();
  const { write, read } = packages.valueCodec();
  const value = payloads["nested record"]!;
  const bytes = write(value).slice();
  const json = Buffer.from(JSON.stringify(value));
  const encoder = new MsgpackEncoder();
  const decoder = new MsgpackDecoder();
  const msgpack = encoder.encode(value);
  const writers = [() => write(value), () => Buffer.from(JSON.stringify(value)), () => encoder.encode(value)];
  const readers = [() => read(bytes), () => JSON.parse(json.toString()) as unknown, () => decoder.decode(msgpack)];

  test.each([
    ["writing", writers],
    ["reading", readers],
  ])("%s", async (direction, works) => {
    const contenders = works.map((work) => inProcess(direction, work));
    const [, besideJson, besideMsgpack] = await compare(contenders, { rounds: 15 });
    // Measured: 0.8 to 1 on Node 20; writing, 0.4 to 0.5 on Node 22 and 24, and 0.24 to 0.29 on Node 26.
    expect(besideJson!.ratio.median).toBeGreaterThan(1 / 8);
    // Measured: 0.6 to 1 on all of them.
    expect(besideMsgpack!.ratio.median).toBeGreaterThan(1 / 3);
  });
});

describe("calls beside ten streams of 64 KiB chunks", () => {
  const STREAMS = 10;
  const chunk = new Uint8Array(64 * 1024);

  class Library extends Root {
    async *remote_read(): AsyncGenerator<Uint8Array> {
      for (;;) yield chunk;
    }
    remote_echo(value: Note): Note {
      return value;
    }
  }

  /** Requests for items follow a call on the same socket, so that the number does not depend on the machine. */
  test("are behind at most four chunks of each", async () => {
    await using server = await listen("tcp:0:interface=127.0.0.1", new Library(), { onEvent: () => undefined });
    const connection = await connect(`tcp:127.0.0.1:${server.port}`);
    const library = await connection.getRootObject<Library>();
    let chunks = 0;
    const read = async (): Promise<void> => {
      for await (const { length } of await library.call.read()) chunks += length / chunk.length;
    };
    const reads = Promise.allSettled(Array.from({ length: STREAMS }, read));
    while (chunks < 500) await library.call.echo(note); // Until all streams have found their speed.
    const between: number[] = [];
    for (let call = 0; call < 20; call++) {
      const sent = chunks;
      await library.call.echo(note);
      between.push(chunks - sent);
    }
    connection.terminate("closed");
    await reads;
    expect(Math.max(...between)).toBeGreaterThan(0);
    expect(Math.max(...between)).toBeLessThanOrEqual(4 * STREAMS);
  });
});
