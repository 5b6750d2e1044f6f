// @pb as a contender: the server. Its root is for everybody; who logs in starts from an avatar.

import { Avatar, broadcast, Cacheable, pagesOf, Referenceable, sendPages } from "@pb/broker";
import type { CacheObserver, PageCollectorMethods, Perspective, RemoteReference } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import { listen } from "@pb/node-transport";
import { perform } from "../../stage.js";
import { changing } from "../../stock.js";
import { BYTES, credentials } from "../../work.js";
import type { Note } from "../../work.js";

class Counter extends Referenceable {
  remote_look(): number {
    return 42;
  }
}

class Stock extends Cacheable {
  static readonly remoteType = "bench.Stock";
  readonly #observers = new Set<CacheObserver>();

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): object {
    this.#observers.add(observer);
    return { prices: {} };
  }

  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.#observers.delete(observer);
  }

  set(symbol: string, price: number): void {
    broadcast(this.#observers, "set", symbol, price);
  }
}

const stocks = new Map<string, Stock>();
function stockOf(group: string): Stock {
  let stock = stocks.get(group);
  if (stock === undefined) stocks.set(group, (stock = new Stock()));
  return stock;
}

const megabyte = new Uint8Array(BYTES).fill(7);
let notified = 0;

/** What every client can do. */
export class Bench extends Referenceable {
  remote_echo(note: Note): Note {
    return note;
  }
  remote_open(): Counter {
    return new Counter();
  }
  remote_notify(_note: Note): void {
    notified++;
  }
  remote_notified(): number {
    const count = notified;
    notified = 0;
    return count;
  }
  async remote_bytes(collector: RemoteReference<PageCollectorMethods>): Promise<void> {
    await sendPages(collector, pagesOf(megabyte));
  }
  remote_watch(group: string): Stock {
    return stockOf(group);
  }
  async remote_update(group: string, count: number): Promise<void> {
    const stock = stockOf(group);
    await changing(count, ({ symbol, price }) => stock.set(symbol, price));
  }
  remote_hold(count: number): Counter[] {
    return Array.from({ length: count }, () => new Counter());
  }
}

class Member extends Avatar {
  perspective_echo(note: Note): Note {
    return note;
  }
}

const checker = new InMemoryUsernamePasswordChecker({ [credentials.name]: credentials.password });
/** The login that Twisted has too: ours would be measured by what it costs to guess a password, on purpose. */
const policy = { scram: "none" } as const;
const portal = new Portal({ requestAvatar: () => ({ avatar: new Member() }) }, [checker], { policy });

const bench = new Bench();
const server = await listen(
  "tcp:0:interface=127.0.0.1",
  {
    rootObject(connection) {
      connection.publish("bench", bench);
      return portal.rootObject(connection);
    },
  },
  { broker: { limits: { references: 1_000_000 } }, limits: { connectionsPerAddress: 10_000 } },
);
await perform({ port: server.port }, {});
