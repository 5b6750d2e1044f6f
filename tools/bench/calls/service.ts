/** The server's methods and the client's session of the libraries that call methods by name, without remote objects. */

import { BYTES, credentials, UPDATES_PER_TURN } from "./session.js";
import type { Note, Session, Update } from "./session.js";

/** Calls `change` that many times, ten times in each turn of the event loop. */
export async function makeUpdates(count: number, change: (update: Update) => void): Promise<void> {
  for (let made = 0; made < count; made++) {
    if (made % UPDATES_PER_TURN === 0) await new Promise(setImmediate);
    change({ symbol: "TWST", price: made });
  }
}

/** Counts notifications until it is asked. */
export class Counter {
  #count = 0;
  add(): void {
    this.#count++;
  }
  take(): number {
    const count = this.#count;
    this.#count = 0;
    return count;
  }
}

export type Method<Peer> = (argument: never, peer: Peer) => unknown;

/** The methods of a server. A `Peer` is a connection that can observe; `broadcast` sends an update to all of a group. */
export function methodsOf<Peer>(
  broadcast: (observers: ReadonlySet<Peer>, update: Update, group: string) => void,
): Record<string, Method<Peer>> {
  const megabyte = Buffer.alloc(BYTES, 7);
  const handles = new Map<number, { look(): number }>();
  const groups = new Map<string, Set<Peer>>();
  const notifications = new Counter();
  let lastHandle = 0;
  return {
    echo: (note: Note) => note,
    open() {
      handles.set(++lastHandle, { look: () => 42 });
      return lastHandle;
    },
    look: (handle: number) => handles.get(handle)!.look(),
    release: (handle: number) => void handles.delete(handle),
    notify: () => notifications.add(),
    notified: () => notifications.take(),
    bytes: () => megabyte,
    watch(group: string, peer) {
      const observers = groups.get(group) ?? new Set();
      groups.set(group, observers.add(peer));
      return true;
    },
    async update({ group, count }: { group: string; count: number }) {
      await makeUpdates(count, (update) => broadcast(groups.get(group)!, update, group));
      return true;
    },
    login({ name, password }: typeof credentials) {
      if (name !== credentials.name || password !== credentials.password) throw new Error("Wrong credentials");
      return true;
    },
  };
}

/** A client's connection that calls methods by name. */
export interface Caller {
  call(method: string, argument?: unknown): Promise<unknown>;
  /** Calls without asking for an answer. */
  send(method: string, argument?: unknown): void;
  onUpdate(changed: (update: Update) => void): void;
  close(): Promise<void>;
}

export class CallerSession implements Session {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  echo(note: Note): Promise<unknown> {
    return this.#caller.call("echo", note);
  }
  async reference(): Promise<number> {
    const handle = await this.#caller.call("open");
    const result = await this.#caller.call("look", handle);
    this.#caller.send("release", handle);
    return result as number;
  }
  notify(note: Note): void {
    this.#caller.send("notify", note);
  }
  async notified(): Promise<number> {
    return (await this.#caller.call("notified")) as number;
  }
  async bytes(): Promise<number> {
    return ((await this.#caller.call("bytes")) as Uint8Array).length;
  }
  async watch(group: string, changed: (update: Update) => void): Promise<void> {
    this.#caller.onUpdate(changed);
    await this.#caller.call("watch", group);
  }
  async update(group: string, count: number): Promise<void> {
    await this.#caller.call("update", { group, count });
  }
  close(): Promise<void> {
    return this.#caller.close();
  }
}
