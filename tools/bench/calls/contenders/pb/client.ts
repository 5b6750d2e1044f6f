// @pb as a contender: the client.

import { getAllPages, RemoteCache, remoteCache } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import { TypeRegistry } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";
import { performClient } from "../../perform-client.js";
import { credentials } from "../../work.js";
import type { Note, Session, Update } from "../../work.js";
import type { Bench } from "./server.js";

class StockCopy extends RemoteCache {
  changed?: (update: Update) => void;
  declare prices: Record<string, number>;

  observe_set(symbol: string, price: number): void {
    this.prices[symbol] = price;
    this.changed?.({ symbol, price });
  }
}

const types = new TypeRegistry();
types.register(remoteCache("bench.Stock", StockCopy));
const options = { broker: { types, limits: { references: 1_000_000 } } };

class PBSession implements Session {
  readonly #connection: Broker;
  readonly #bench: RemoteReference<Bench>;
  /** What stays alive as long as the connection. */
  readonly #held: unknown[] = [];

  constructor(connection: Broker, bench: RemoteReference<Bench>) {
    this.#connection = connection;
    this.#bench = bench;
  }

  echo(note: Note): Promise<unknown> {
    return this.#bench.callRemote("echo", note);
  }
  async reference(): Promise<number> {
    using counter = await this.#bench.callRemote("open");
    return await counter.callRemote("look");
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
    this.#held.push(copy);
  }
  async update(group: string, count: number): Promise<void> {
    await this.#bench.callRemote("update", group, count);
  }
  async hold(count: number): Promise<void> {
    this.#held.push(await this.#bench.callRemote("hold", count));
  }
  async close(): Promise<void> {
    await this.#connection.close();
  }
}

await performClient({
  async connect(port) {
    const connection = await connect(`tcp:127.0.0.1:${port}`, options);
    return new PBSession(connection, await connection.getObject<Bench>("bench"));
  },
  async login(port) {
    const connection = await connect(`tcp:127.0.0.1:${port}`, options);
    const member = await login<Bench>(connection, new UsernamePassword(credentials.name, credentials.password));
    return new PBSession(connection, member);
  },
});
