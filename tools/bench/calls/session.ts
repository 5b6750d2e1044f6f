/** What each contender's client can do, and the values that all contenders send. */

/** A small dictionary, as in a chat. */
export const note = { user: "alice", room: 7, text: "Is anybody there?", urgent: false };
export type Note = typeof note;

export const credentials = { name: "alice", password: "correct horse battery staple" };

/** The size of the byte string that {@link Session.bytes} gets. */
export const BYTES = 1_000_000;

/** How many changes of an observed object happen in each turn of the server's event loop. */
export const UPDATES_PER_TURN = 10;

/** A change of an observed object: key and new value. */
export interface Update {
  readonly symbol: string;
  readonly price: number;
}

/** One connection of a client. What a library does not offer is written by hand, as its user would. */
export interface Session {
  echo(note: Note): Promise<unknown>;
  /** Gets an object of the server, calls it, and releases it. Resolves with the result of the call, 42. */
  reference(): Promise<number>;
  /** Calls without asking for an answer. */
  notify(note: Note): void;
  /** The number of {@link notify} calls that the server received since the last time, earlier ones of this session included. */
  notified(): Promise<number>;
  /** Gets {@link BYTES} from the server and resolves with their number. */
  bytes(): Promise<number>;
  /** Keeps a copy of the server's object `group` up to date, and calls `changed` for each change. */
  watch(group: string, changed: (update: Update) => void): Promise<void>;
  /** Makes the server change that object that many times. */
  update(group: string, count: number): Promise<void>;
  /** Makes the server pass that many more references, which stay alive. Only where the library has references. */
  hold?(count: number): Promise<void>;
  close(): Promise<void>;
}

/** A library with a server and a client that use it. */
export interface Library {
  /** Starts a server on a free port of 127.0.0.1 and resolves with that port. */
  serve(): Promise<number>;
  /** Connects, and with `user` also logs in. */
  connect(port: number, user?: typeof credentials): Promise<Session>;
}
