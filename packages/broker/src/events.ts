// What a broker tells whoever watches over it. It never writes to a console.

import type { ConnectionLostError } from "./errors.js";

/** Something worth a line in a log. */
export type BrokerEvent =
  /** A method of ours failed by a fault: an error that was not raised on purpose. The peer was told what `describeError` allows. */
  | { readonly kind: "method-failed"; readonly method: string; readonly error: unknown }
  /** A call could not be answered: its result or its error cannot travel. The peer was told that. */
  | { readonly kind: "answer-failed"; readonly error: unknown }
  /** The peer says that it did not understand a message. */
  | { readonly kind: "not-understood"; readonly what: string }
  /**
   * A callback of the program threw: a disconnect notifier, a release hook, a store of published states. Or what a state hook sent by `sendRemote`
   * could not travel.
   */
  | { readonly kind: "callback-failed"; readonly error: unknown }
  | { readonly kind: "closed"; readonly reason: ConnectionLostError };

export type BrokerWatcher = (event: BrokerEvent) => void;
