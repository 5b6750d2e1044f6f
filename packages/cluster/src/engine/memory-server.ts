// What the memory engines of one process share: the logs, the keys and the subjects.

import { LogMovedError } from "../errors.js";

interface StoredRecord {
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** A log: what it keeps, and the number of the last record that was ever appended. */
interface Log {
  last: number;
  records: StoredRecord[];
  readonly followers: Set<() => void>;
}

/** Called with the key and its holder, or undefined if no engine holds it. */
type KeyListener = (key: string, holder: string | undefined) => void;

/** What several {@link MemoryEngine}s share, as NATS engines share a NATS server. It lives in one process. */
export class MemoryServer {
  readonly #logs = new Map<string, Log>();
  readonly #holders = new Map<string, { readonly holder: string; readonly owner: object }>();
  readonly #keyListeners = new Set<KeyListener>();
  readonly #subjects = new Map<string, Set<(bytes: Uint8Array) => void>>();

  /** @internal Appends a record, or throws `LogMovedError`. */
  append(name: string, bytes: Uint8Array, after: number, replace: boolean): number {
    const log = this.#log(name);
    if (log.last !== after) throw new LogMovedError(name, after);
    const record = { number: log.last + 1, bytes: bytes.slice() };
    log.last = record.number;
    log.records = replace ? [record] : [...log.records, record];
    for (const wake of [...log.followers]) wake();
    return record.number;
  }

  /** @internal The first kept record with a higher number. */
  next(name: string, after: number): StoredRecord | undefined {
    const { last, records } = this.#log(name);
    const from = after > last ? 0 : after;
    return records.find(({ number }) => number > from);
  }

  /** Loses all logs, as a server does whose disk is replaced by an empty one. For tests. */
  loseLogs(): void {
    for (const log of this.#logs.values()) Object.assign(log, { last: 0, records: [] });
  }

  /** @internal Calls `wake` after each record that is appended. */
  follow(name: string, wake: () => void): () => void {
    const { followers } = this.#log(name);
    followers.add(wake);
    return () => followers.delete(wake);
  }

  /** @internal Takes a key for `owner`, unless another owner has it. */
  claim(key: string, holder: string, owner: object): boolean {
    if (this.#holders.has(key)) return false;
    this.#holders.set(key, { holder, owner });
    this.#tell(key);
    return true;
  }

  /** @internal */
  holds(key: string, owner: object): boolean {
    return this.#holders.get(key)?.owner === owner;
  }

  /** @internal Gives a key up, if `owner` has it. */
  release(key: string, owner: object): void {
    if (!this.holds(key, owner)) return;
    this.#holders.delete(key);
    this.#tell(key);
  }

  /** @internal */
  holders(): IterableIterator<[key: string, { readonly holder: string }]> {
    return this.#holders.entries();
  }

  /** @internal Calls `listener` after each change of a key. */
  watch(listener: KeyListener): () => void {
    this.#keyListeners.add(listener);
    return () => this.#keyListeners.delete(listener);
  }

  /** @internal */
  send(subject: string, bytes: Uint8Array): void {
    for (const listener of [...(this.#subjects.get(subject) ?? [])]) listener(bytes.slice());
  }

  /** @internal */
  listen(subject: string, listener: (bytes: Uint8Array) => void): () => void {
    const listeners = this.#subjects.get(subject) ?? new Set();
    this.#subjects.set(subject, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#subjects.get(subject) === listeners) this.#subjects.delete(subject);
    };
  }

  #tell(key: string): void {
    for (const listener of [...this.#keyListeners]) listener(key, this.#holders.get(key)?.holder);
  }

  #log(name: string): Log {
    let log = this.#logs.get(name);
    if (log === undefined) this.#logs.set(name, (log = { last: 0, records: [], followers: new Set() }));
    return log;
  }
}
