/** @pb. Anonymous clients call a published object; clients that log in call their avatar. */

import { Avatar, broadcast, Cacheable, getAllPages, pagesOf, Referenceable, RemoteCache } from "@pb/broker";
import { remoteCache, sendPages } from "@pb/broker";
import type { Broker, CacheObserver, PageCollectorMethods, Perspective, RemoteReference } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, login, Portal, UsernamePassword } from "@pb/cred";
import { TypeRegistry } from "@pb/jelly-types";
import { connect as connectBroker, listen } from "@pb/node-transport";
import { Counter, makeUpdates } from "../service.js";
import { BYTES, credentials } from "../session.js";
import type { Note, Session, Update } from "../session.js";

const megabyte = new Uint8Array(BYTES).fill(7);

class Handle extends Referenceable {
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

class Bench extends Referenceable {
  readonly #notifications = new Counter();
  readonly #stocks = new Map<string, Stock>();

  remote_echo(note: Note): Note {
    return note;
  }
  remote_open(): Handle {
    return new Handle();
  }
  remote_notify(_note: Note): void {
    this.#notifications.add();
  }
  remote_notified(): number {
    return this.#notifications.take();
  }
  async remote_bytes(collector: RemoteReference<PageCollectorMethods>): Promise<void> {
    await sendPages(collector, pagesOf(megabyte));
  }
  remote_watch(group: string): Stock {
    if (!this.#stocks.has(group)) this.#stocks.set(group, new Stock());
    return this.#stocks.get(group)!;
  }
  async remote_update(group: string, count: number): Promise<void> {
    const stock = this.remote_watch(group);
    await makeUpdates(count, ({ symbol, price }) => stock.set(symbol, price));
  }
  remote_hold(count: number): Handle[] {
    return Array.from({ length: count }, () => new Handle());
  }
}

class Member extends Avatar {
  perspective_echo(note: Note): Note {
    return note;
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

class PBSession implements Session {
  readonly #connection: Broker;
  readonly #bench: RemoteReference<Bench>;
  /** Objects that must stay alive as long as the connection. */
  readonly #kept: unknown[] = [];

  constructor(connection: Broker, bench: RemoteReference<Bench>) {
    this.#connection = connection;
    this.#bench = bench;
  }

  echo(note: Note): Promise<unknown> {
    return this.#bench.callRemote("echo", note);
  }
  async reference(): Promise<number> {
    using handle = await this.#bench.callRemote("open");
    return await handle.callRemote("look");
  }
  notify(note: Note): void {
    this.#bench.sendRemote("notify", note);
  }
  notified(): Promise<number> {
    return this.#bench.callRemote("notified");
  }
  async bytes(): Promise<number> {
    const pages = (await getAllPages(this.#bench, "bytes")) as Uint8Array[];
    return Buffer.concat(pages).length;
  }
  async watch(group: string, changed: (update: Update) => void): Promise<void> {
    const copy = (await this.#bench.callRemote("watch", group)) as unknown as StockCopy;
    copy.changed = changed;
    this.#kept.push(copy);
  }
  async update(group: string, count: number): Promise<void> {
    await this.#bench.callRemote("update", group, count);
  }
  async hold(count: number): Promise<void> {
    this.#kept.push(await this.#bench.callRemote("hold", count));
  }
  async close(): Promise<void> {
    await this.#connection.close();
  }
}

export async function connect(port: number, user?: typeof credentials): Promise<Session> {
  const options = { broker: { types, limits: { references: 1_000_000 } } };
  const connection = await connectBroker(`tcp:127.0.0.1:${port}`, options);
  const bench =
    user === undefined
      ? await connection.getObject<Bench>("bench")
      : await login<Bench>(connection, new UsernamePassword(user.name, user.password));
  return new PBSession(connection, bench);
}
