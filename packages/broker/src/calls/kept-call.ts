// A call that must run once, although it may arrive several times, and its answer (docs/extension.md).

import type { Dialect } from "@pb/banana";

/** What a caller has said about a call that must run once: a part of `note` of `pbx`. */
export interface OnceNote {
  /**
   * The call arrives for an object, and would run now. The call of the result is new, or has arrived before and must
   * not run. Throws when it may not run, because it is unknown whether it has run before.
   */
  arrive(method: string): KeptCall;
}

/** The part of the context of a running method that its calls need. */
export interface RunningContext {
  /** Whether it does not abort when the connection ends. */
  isKept: boolean;
  abort(reason: Error): void;
}

/** A call whose answer is kept. */
export interface KeptCall {
  /** Whether it has arrived once only. False after the first {@link OnceNote.arrive}. */
  readonly isNew: boolean;
  /** The context of its method while that runs. */
  context: RunningContext | undefined;
  /** Keeps the answer, of which this is the whole message. */
  keep(command: KeptAnswer["command"], message: Uint8Array, dialect: Dialect): void;
  /** The method has finished, but its answer belongs to the connection, and cannot be sent over another one. */
  keepNothing(): void;
  /** Calls back once with the answer, soon or when there is one. Dispose of the result to unsubscribe. */
  whenAnswered(callback: (answer: KeptAnswer) => void): Disposable;
}

export interface KeptAnswer {
  readonly command: "answer" | "error";
  /** The result or the error, in the dialect `none`. Undefined if it could not be kept. */
  readonly value: Uint8Array | undefined;
}
