// What must not get worse, in numbers that are the same on any machine: counts of what calls do. Times are the benches'.

import { createHook } from "node:async_hooks";
import { execFileSync } from "node:child_process";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { broadcast, Cacheable, Copyable, RemoteCache, remoteCache, RemoteCopy, remoteCopy, Root } from "@pb/broker";
import type { CacheObserver, Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import { connect, listen } from "@pb/node-transport";
import { describe, expect, test, vi } from "vitest";
import { note } from "./calls/work.js";
import type { Note } from "./calls/work.js";

class Echo extends Root {
  remote_echo(value: Note): Note {
    return value;
  }

  /** Answers after so many promises. */
  async remote_later(promises: number): Promise<number> {
    for (let left = promises; left > 0; left--) await undefined;
    return promises;
  }
}

/** Counts writes on all sockets of this process until `work` is done. */
async function countWrites(work: () => Promise<unknown>): Promise<number> {
  const writes = vi.spyOn(Socket.prototype, "write");
  try {
    await work();
    return writes.mock.calls.length;
  } finally {
    writes.mockRestore();
  }
}

describe("writes", () => {
  test("100 calls of one turn leave in one write, and their answers in one", async () => {
    await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
    const echo = await connection.getRootObject<Echo>();
    await echo.callRemote("echo", note);
    const count = await countWrites(() =>
      Promise.all(Array.from({ length: 100 }, () => echo.callRemote("echo", note))),
    );
    expect(count).toBe(2);
  });

  test("so do answers that took any number of promises", async () => {
    await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
    const echo = await connection.getRootObject<Echo>();
    await echo.callRemote("later", 0);
    const count = await countWrites(() =>
      Promise.all(Array.from({ length: 100 }, (_, promises) => echo.callRemote("later", promises))),
    );
    expect(count).toBe(2);
  });
});

describe("updates of a cached object", () => {
  /** Says how often it was written. */
  class Price extends Copyable {
    static readonly remoteType = "gate.Price";
    asked = 0;

    override getStateToCopyFor(): unknown {
      this.asked++;
      return { cents: 7 };
    }
  }

  class PriceCopy extends RemoteCopy {}

  class Stock extends Cacheable {
    static readonly remoteType = "gate.Stock";
    readonly observers = new Set<CacheObserver>();

    getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): unknown {
      this.observers.add(observer);
      return {};
    }
  }

  class StockCopy extends RemoteCache {
    updates = 0;

    observe_set(_price: PriceCopy): void {
      this.updates = ((this.updates as number | undefined) ?? 0) + 1;
      allUpdates.seen();
    }
  }

  const allUpdates = { left: 0, seen: () => undefined as void };

  test("ten of one turn to 100 observers are written once each, and leave in one write per connection", async () => {
    const stock = new Stock();
    class Shop extends Root {
      remote_stock(): Stock {
        return stock;
      }
    }
    const types = new TypeRegistry()
      .register(remoteCache("gate.Stock", StockCopy))
      .register(remoteCopy("gate.Price", PriceCopy));
    await using server = await listen("tcp:0:interface=127.0.0.1", new Shop());
    const held: unknown[] = [];
    await using connections = new AsyncDisposableStack();
    for (let made = 0; made < 100; made++) {
      const connection = connections.use(await connect(`tcp:127.0.0.1:${server.port}`, { broker: { types } }));
      held.push(await (await connection.getRootObject<{ stock(): StockCopy }>()).callRemote("stock"));
    }
    const price = new Price();
    const arrived = new Promise<void>((resolve) => {
      allUpdates.left = 1000;
      allUpdates.seen = () => {
        if (--allUpdates.left === 0) resolve();
      };
    });
    const count = await countWrites(async () => {
      for (let update = 0; update < 10; update++) broadcast(stock.observers, "set", price);
      await arrived;
    });
    expect({ written: price.asked, writes: count, copies: held.length }).toEqual({
      written: 10,
      writes: 100,
      copies: 100,
    });
  });
});

describe("one call of a small dict", () => {
  test("is 130 bytes, and its answer 89", async () => {
    await using pair = await connectedPair({ root: new Echo() });
    const echo = await pair.client.getRootObject<Echo>();
    await echo.callRemote("echo", note);
    const { traffic } = pair.links.listener;
    const before = traffic.length;
    await echo.callRemote("echo", note);
    expect(traffic.slice(before).map(({ bytes }) => bytes.length)).toEqual([0, 0]);
  });

  test("makes few promises", async () => {
    await using pair = await connectedPair({ root: new Echo() }, {}, { isRecorded: false });
    const echo = await pair.client.getRootObject<Echo>();
    await echo.callRemote("echo", note);
    let promises = 0;
    const hook = createHook({ init: (_id, type) => void (promises += type === "PROMISE" ? 1 : 0) }).enable();
    const calls = 100;
    for (let left = calls; left > 0; left--) await echo.callRemote("echo", note);
    hook.disable();
    expect(promises / calls).toBeLessThanOrEqual(0);
  });

  test("takes little memory, and keeps none", () => {
    const program = fileURLToPath(new URL("gate-memory.ts", import.meta.url));
    // A nursery so large that nothing is collected while it is counted.
    const flags = [
      "--expose-gc",
      "--max-semi-space-size=256",
      "--min-semi-space-size=256",
      "--import",
      "tsx",
      "--conditions=@pb/source",
    ];
    const { allocated, retained } = JSON.parse(
      execFileSync(process.execPath, [...flags, program], { encoding: "utf8" }),
    ) as {
      allocated: number;
      retained: number;
    };
    expect(allocated).toBeLessThan(0);
    expect(retained).toBeLessThan(0);
  });
});
