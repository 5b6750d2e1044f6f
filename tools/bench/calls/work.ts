// What the contenders do, in the words of one of them.

/** A small dict, as in a chat. */
export const note = { user: "alice", room: 7, text: "Is anybody there?", urgent: false };
export type Note = typeof note;

export const credentials = { name: "alice", password: "correct horse battery staple" };

/** What the server hands out in one piece, as far as the contender has such pieces. */
export const BYTES = 1_000_000;

/** What changes while others watch: the copy's key and value. Ten changes happen in each turn of the server's loop. */
export const UPDATES_PER_TURN = 10;
export interface Update {
  readonly symbol: string;
  readonly price: number;
}

/** One connection of a client. What a contender has no notion of is made by hand, as its user would. */
export interface Session {
  echo(note: Note): Promise<unknown>;
  /** Asks for an object of the server's, calls it, and gives it back. Resolves with its answer, 42. */
  reference(): Promise<number>;
  /** A call that wants no answer. */
  notify(note: Note): void;
  /** How many calls of {@link notify} arrived since this was asked last, all that were made before it included. */
  notified(): Promise<number>;
  /** Gets {@link BYTES} from the server and resolves with their number. */
  bytes(): Promise<number>;
  /** Keeps a copy of the server's object `group` up to date, and tells of every change. */
  watch(group: string, changed: (update: Update) => void): Promise<void>;
  /** Has the server change that object so often. */
  update(group: string, count: number): Promise<void>;
  /** Has the server hand out so many references more, which stay. Only where the contender has references. */
  hold?(count: number): Promise<void>;
  close(): Promise<void>;
}

/** The client's side of a contender. */
export interface Client {
  connect(port: number): Promise<Session>;
  /** Connects and says who it is, with {@link credentials}. */
  login(port: number): Promise<Session>;
}

/** What a client's program is asked to do, so many times. */
export type Work =
  | "one"
  | "hundred"
  | "reference"
  | "one-way"
  | "bytes"
  | "updates-1"
  | "updates-100"
  | "login"
  | "connect"
  | "hold"
  | "spread";
