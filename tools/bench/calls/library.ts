/**
 * What each library under measurement implements, the values that all of them send, and the methods of their servers.
 */

/** A small dictionary, as in a chat. */
export const note = { user: "alice", room: 7, text: "Is anybody there?", urgent: false };
export type Note = typeof note;

export const credentials = { name: "alice", password: "correct horse battery staple" };

export function areRight({ name, password }: Partial<Record<keyof typeof credentials, unknown>>): boolean {
  return name === credentials.name && password === credentials.password;
}

export const MEGABYTE: Uint8Array = new Uint8Array(1_000_000).fill(7);

/** How many changes of an observed object happen in each turn of the server's event loop. */
const UPDATES_PER_TURN = 10;

/** A change of an observed object: key and new value. */
export interface Update {
  readonly symbol: string;
  readonly price: number;
}

export interface Library {
  /** Starts a server on a free port of 127.0.0.1 and resolves with that port. */
  serve(): Promise<number>;
  /** Connects, and with `user` also logs in. */
  connect(port: number, user?: typeof credentials): Promise<Client>;
}

/** One connection of a client. What the library does not offer is written by hand, as its user would. */
export interface Client {
  /** Calls one of {@link methodsOf}. */
  call(method: string, argument?: unknown): Promise<unknown>;
  /** Calls without asking for an answer. */
  send(method: string, argument?: unknown): void;
  /** Keeps a copy of the server's object `group` up to date, and calls `changed` for each change. */
  observe(group: string, changed: (update: Update) => void): Promise<void>;
  /** Gets an object of the server, calls it, and releases it. Resolves with its answer, 42. By default with handles. */
  reference?(): Promise<unknown>;
  close(): Promise<void>;
}

/** A method of a server. A `Peer` stands for the connection of an observer. */
export type Method<Peer> = (argument: never, peer: Peer) => unknown;

/** The methods of a server that passes numbers as handles of its objects. `broadcast` sends an update to a group. */
export function methodsOf<Peer>(
  broadcast: (observers: ReadonlySet<Peer>, update: Update, group: string) => void,
): Record<string, Method<Peer>> {
  const handles = new Map<number, { look(): number }>();
  const groups = new Map<string, Set<Peer>>();
  let lastHandle = 0;
  let notifications = 0;
  return {
    echo: (value: Note) => value,
    open() {
      handles.set(++lastHandle, { look: () => 42 });
      return lastHandle;
    },
    look: (handle: number) => handles.get(handle)!.look(),
    release: (handle: number) => void handles.delete(handle),
    notify() {
      notifications++;
    },
    /** The number of notifications since the last call. */
    notified() {
      const count = notifications;
      notifications = 0;
      return count;
    },
    bytes: () => MEGABYTE,
    observe(group: string, peer) {
      const observers = groups.get(group) ?? new Set();
      groups.set(group, observers.add(peer));
      return true;
    },
    /** Changes the object of a group that many times. */
    async update({ group, count }: { group: string; count: number }) {
      const observers = groups.get(group) ?? new Set<Peer>();
      for (let made = 0; made < count; made++) {
        if (made % UPDATES_PER_TURN === 0) await new Promise(setImmediate);
        broadcast(observers, { symbol: "TWST", price: made }, group);
      }
      return true;
    },
    login: areRight,
  };
}
