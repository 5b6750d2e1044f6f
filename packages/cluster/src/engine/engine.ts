// What a cluster needs from the system that its nodes share. NATS with JetStream has it, and so has the memory engine.

import type { EngineError } from "../errors.js";

/**
 * - `connected`: the engine reads and writes.
 * - `away`: it does neither now, and tries to connect again. Viewers see that their state is stale.
 * - `closed`: {@link ClusterEngine.close} was called.
 */
export type EngineState = "connected" | "away" | "closed";

/** A key that this engine holds. The engine renews it until it is released. */
export interface Lease {
  /** Gives the key up, so that another node can take it at once. Never rejects: the lease expires in any case. */
  release(): Promise<void>;
  /** Aborts when the lease has expired or was released, as far as this engine knows. It may know late. */
  readonly lost: AbortSignal;
}

/** The reading of a log. Nothing is delivered after `close`. */
export interface Following {
  /** Stops the reading. Can be called more than once. */
  close(): void;
}

/**
 * What a cluster needs from the system that its nodes share. Each node has an engine of its own.
 *
 * The names of keys, logs and subjects consist of one or more parts of `A-Z a-z 0-9 _ = -`, joined by dots. An engine
 * may put a prefix of its own before them.
 */
export interface ClusterEngine {
  /** Whether the system can be reached. */
  readonly state: EngineState;
  /** The most bytes that a record or a sent message may have. */
  readonly maxBytes: number;

  /** Calls `listener` with each new state. Returns a function that unsubscribes. */
  onState(listener: (state: EngineState) => void): () => void;

  /**
   * Calls `listener` when the server refuses the credentials of this node, a permission or its stream, so that the
   * engine is away. Further refusals are not reported before the engine was connected again. The engine goes on trying.
   * Returns a function that unsubscribes. Engines without a server do not need this method.
   */
  onRefused?(listener: (error: EngineError) => void): () => void;

  /**
   * Takes a key if no node has it: resolves with undefined if one has. The key is free again some seconds after the
   * engine of its holder has stopped renewing it. Rejects with `EngineError` when the engine is away.
   *
   * A lease only says which node should be home, so that another one can take over soon. It never protects a log: a
   * node may believe that it has a lease which another one has taken.
   */
  claim(key: string, holder: string): Promise<Lease | undefined>;

  /**
   * Calls `listener` with the holder of each key that begins with `prefix` and a dot, now and after each change.
   * Undefined: the key was released or has expired. Intermediate changes may be left out. Returns a function that
   * unsubscribes.
   */
  watch(prefix: string, listener: (key: string, holder: string | undefined) => void): () => void;

  /**
   * Appends a record and resolves with its number, if the last record that was ever appended to the log has the number
   * `after`; 0 means that there is none. Otherwise it appends nothing and rejects with `LogMovedError`. This is what
   * keeps a log consistent while two nodes believe to be its home. Numbers grow, and may have gaps.
   *
   * With `replace`, all earlier records of the log are dropped in the same step.
   *
   * Rejects with `EngineError` when the engine is away: `ENGINE_AWAY` means that the record may or may not have been
   * appended. Rejects with `ENGINE_TOO_LARGE` for a record of more than {@link maxBytes}, and appends nothing.
   */
  append(log: string, record: Uint8Array, after: number, options?: { readonly replace?: boolean }): Promise<number>;

  /**
   * Calls `listener` with each record that the log keeps, and then with each new one: in order and each once, also
   * after the engine was away. A record that was dropped before it was read is left out; the one that has replaced it
   * is not. Resolves when all records that were kept at the call have been delivered. Rejects with `EngineError` when
   * the engine is away.
   */
  follow(log: string, listener: (record: Uint8Array, number: number) => void): Promise<Following>;

  /**
   * Sends bytes to all nodes that listen to the subject now, this one included: at most once. They are lost while the
   * engine is away. Throws `EngineError` (`ENGINE_TOO_LARGE`) for more than {@link maxBytes}.
   */
  send(subject: string, bytes: Uint8Array): void;
  /** Returns a function that unsubscribes. */
  listen(subject: string, listener: (bytes: Uint8Array) => void): () => void;

  /** Releases all leases and stops. Everything that waits rejects with `EngineError` (`ENGINE_CLOSED`). */
  close(): Promise<void>;
}
