/** @pb. Anonymous clients call a published object; clients that log in call their avatar. */

import { Avatar, broadcast, Cacheable, getAllPages, pagesOf, Referenceable, RemoteCache } from "@pb/broker";
import { remoteCache, sendPages } from "@pb/broker";
import type { CacheObserver, PageCollectorMethods, Perspective, RemoteReference } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, login, Portal, UsernamePassword } from "@pb/cred";
import { TypeRegistry } from "@pb/jelly-types";
import { connect as connectBroker, listen } from "@pb/node-transport";
import { credentials, MEGABYTE, methodsOf } from "../library.js";
import type { Client, Note, Update } from "../library.js";

class Handle extends Referenceable {
  remote_look(): number {
    return 42;
  }
}

class Stock extends Cacheable {
  static readonly remoteType = "bench.Stock";
  readonly observers = new Set<CacheObserver>();

  getStateToCacheAndObserveFor(_perspective: Perspective, observer: CacheObserver): object {
    this.observers.add(observer);
    return { prices: {} };
  }
  override stoppedObserving(_perspective: Perspective, observer: CacheObserver): void {
    this.observers.delete(observer);
  }
}

const stocks = new Map<string, Stock>();
const methods = methodsOf<never>((_, { symbol, price }, group) => {
  broadcast(stocks.get(group)!.observers, "set", symbol, price);
});

/** The methods of the library, and those that pass references, copies and pages. */
class Bench extends Referenceable {
  remote_open(): Handle {
    return new Handle();
  }
  remote_hold(count: number): Handle[] {
    return Array.from({ length: count }, () => new Handle());
  }
  remote_observe(group: string): Stock {
    if (!stocks.has(group)) stocks.set(group, new Stock());
    return stocks.get(group)!;
  }
  async remote_bytes(collector: RemoteReference<PageCollectorMethods>): Promise<void> {
    await sendPages(collector, pagesOf(MEGABYTE));
  }
}
for (const [name, method] of Object.entries(methods)) {
  if (!(`remote_${name}` in Bench.prototype)) Object.assign(Bench.prototype, { [`remote_${name}`]: method });
}

class Member extends Avatar {
  perspective_echo(value: Note): Note {
    return value;
  }
}

export async function serve(): Promise<number> {
  const checker = new InMemoryUsernamePasswordChecker({ [credentials.name]: credentials.password });
  // The login that Twisted has. SCRAM would measure its deliberately expensive key derivation.
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
  return server.port;
}

class StockCopy extends RemoteCache {
  changed?: (update: Update) => void;
  declare prices: Record<string, number>;

  observe_set(symbol: string, price: number): void {
    this.prices[symbol] = price;
    this.changed?.({ symbol, price });
  }
}

const types = new TypeRegistry().register(remoteCache("bench.Stock", StockCopy));

export async function connect(port: number, user?: typeof credentials): Promise<Client> {
  const options = { broker: { types, limits: { references: 1_000_000 } } };
  const connection = await connectBroker(`tcp:127.0.0.1:${port}`, options);
  const bench: RemoteReference =
    user === undefined
      ? await connection.getObject("bench")
      : await login(connection, new UsernamePassword(user.name, user.password));
  const typed = bench as unknown as RemoteReference<Bench>;
  /** Copies and references stay alive as long as the connection. */
  const kept: unknown[] = [];
  const special: Record<string, (argument: unknown) => Promise<unknown>> = {
    bytes: async () => Buffer.concat((await getAllPages(bench, "bytes")) as Uint8Array[]),
    hold: async (count) => kept.push(await bench.callRemote("hold", count)),
  };
  return {
    call: (method, argument) => special[method]?.(argument) ?? bench.callRemote(method, argument),
    send: (method, argument) => bench.sendRemote(method, argument),
    async observe(group, changed) {
      const copy = (await typed.callRemote("observe", group)) as unknown as StockCopy;
      copy.changed = changed;
      kept.push(copy);
    },
    async reference() {
      using handle = await typed.callRemote("open");
      return await handle.callRemote("look");
    },
    async close() {
      await connection.close();
    },
  };
}
