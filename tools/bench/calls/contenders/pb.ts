/** @pb. Anonymous clients call a published object; clients that log in call their avatar. */

import * as pb from "@pb/broker";
import { InMemoryUsernamePasswordChecker, login, Portal, UsernamePassword } from "@pb/cred";
import { TypeRegistry } from "@pb/jelly-types";
import { connect as connectBroker, listen } from "@pb/node-transport";
import type { ConnectOptions, ListenOptions } from "@pb/node-transport";
import { credentials, MEGABYTE, methodsOf } from "../library.js";
import type { Client, Note, Update } from "../library.js";

class Handle extends pb.Referenceable {
  remote_look(): number {
    return 42;
  }
}

class Stock extends pb.Cacheable {
  static readonly remoteType = "bench.Stock";
  readonly observers = new Set<pb.CacheObserver>();

  getStateToCacheAndObserveFor(_perspective: pb.Perspective, observer: pb.CacheObserver): object {
    this.observers.add(observer);
    return { prices: {} };
  }
  override stoppedObserving(_perspective: pb.Perspective, observer: pb.CacheObserver): void {
    this.observers.delete(observer);
  }
}

const stocks = new Map<string, Stock>();
const methods = methodsOf<never>((_, { symbol, price }, group) => {
  pb.broadcast(stocks.get(group)!.observers, "set", symbol, price);
});

/** The methods of the library, and those that pass references, copies and pages. */
export class Bench extends pb.Referenceable {
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
  async remote_bytes(collector: pb.RemoteReference<pb.PageCollectorMethods>): Promise<void> {
    await pb.sendPages(collector, pb.pagesOf(MEGABYTE));
  }
}
for (const [name, method] of Object.entries(methods)) {
  if (!(`remote_${name}` in Bench.prototype)) Object.assign(Bench.prototype, { [`remote_${name}`]: method });
}

class Member extends pb.Avatar {
  perspective_echo(value: Note): Note {
    return value;
  }
  perspective_notify(): void {}
}

/** How ends are connected: over TCP, unless a contender says otherwise. */
export interface Transport {
  listen(root: pb.RootSource, options: Pick<ListenOptions, "broker" | "limits">): Promise<{ readonly port?: number }>;
  connect(port: number, options: Pick<ConnectOptions, "broker">): Promise<pb.Broker>;
}

const tcp: Transport = {
  listen: (root, options) => listen("tcp:0:interface=127.0.0.1", root, options),
  connect: (port, options) => connectBroker(`tcp:127.0.0.1:${port}`, options),
};

/** `scram`: users log in with SCRAM, and not as with Twisted. */
export async function serve(
  broker: pb.BrokerOptions = {},
  transport = tcp,
  scram?: { readonly iterations: number },
): Promise<number> {
  const checker = new InMemoryUsernamePasswordChecker({ [credentials.name]: credentials.password }, scram);
  // The login that Twisted has. SCRAM would measure its deliberately expensive key derivation.
  const policy = scram === undefined ? ({ scram: "none" } as const) : {};
  const portal = new Portal({ requestAvatar: () => ({ avatar: new Member() }) }, [checker], { policy });
  const bench = new Bench();
  const root: pb.RootSource = {
    rootObject(connection) {
      connection.publish("bench", bench);
      return portal.rootObject(connection);
    },
  };
  const limits = { references: 1_000_000 };
  // The clients of a bench have one address, and as many connections as the server.
  const most = { connections: 20_000, connectionsPerAddress: 20_000 };
  const options = { broker: { limits, ...broker }, limits: most };
  return (await transport.listen(root, options)).port!;
}

class StockCopy extends pb.RemoteCache {
  changed?: (update: Update) => void;
  declare prices: Record<string, number>;

  observe_set(symbol: string, price: number): void {
    this.prices[symbol] = price;
    this.changed?.({ symbol, price });
  }
}

const types = new TypeRegistry().register(pb.remoteCache("bench.Stock", StockCopy));

export async function connect(
  port: number,
  user?: typeof credentials,
  broker: pb.BrokerOptions = {},
  transport = tcp,
): Promise<Client> {
  const options = { broker: { types, limits: { references: 1_000_000 }, ...broker } };
  const connection = await transport.connect(port, options);
  const bench: pb.RemoteReference = await (user === undefined
    ? connection.getObject("bench")
    : login(connection, new UsernamePassword(user.name, user.password)));
  const typed = bench as unknown as pb.RemoteReference<Bench>;
  /** Copies and references stay alive as long as the connection. */
  const kept: unknown[] = [];
  const special: Record<string, (argument: unknown) => Promise<unknown>> = {
    bytes: async () => Buffer.concat((await pb.getAllPages(bench, "bytes")) as Uint8Array[]),
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
    /** The second call is sent without waiting for the first, by versions that have `pipe`. */
    async reference() {
      using handle =
        "pipe" in typed ? typed.pipe("open") : ((await bench.callRemote("open")) as pb.RemoteReference<Handle>);
      return await handle.callRemote("look");
    },
    async close() {
      await connection.close();
    },
  };
}
