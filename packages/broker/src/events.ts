// Events that a broker reports to the option `onEvent`. It never writes to a console.

import type { ConnectionLostError } from "./errors.js";
import type { BrokerStats } from "./stats.js";

/**
 * An event worth a line in a log. Names of methods and other text of the peer can be printed: controls are escaped, and
 * long text is cut.
 */
export type BrokerEvent =
  /**
   * A method of this end failed with an error that was not thrown on purpose (see `PBError`). The peer received what
   * `describeError` allows. Also any error of a call without an answer, which the caller does not learn of: a method
   * that does not exist, wrong arguments. These are limited like `call-unreadable`.
   */
  | {
      readonly kind: "method-failed";
      readonly method: string;
      readonly error: unknown;
      readonly omitted?: number | undefined;
    }
  /**
   * The arguments of a call could not be read, because the peer sent a type that is not registered or not allowed, or
   * malformed data. The method did not run, and the peer received the error. Any peer can cause it, also before a
   * login. Therefore 20 such events are reported at once, and then one per second, for all connections with the same
   * options; `omitted` is how many were not reported since the last one, if there are any.
   */
  | {
      readonly kind: "call-unreadable";
      readonly method: string;
      readonly error: unknown;
      readonly omitted?: number | undefined;
    }
  /**
   * Entries of a received state were dropped, because the registered class has methods or accessors of these names.
   * Reported once for each class. `type` is the name of the class on the wire.
   */
  | { readonly kind: "state-dropped"; readonly type: string; readonly names: readonly string[] }
  /**
   * The attribute `name` of a copy that was sent, of the class that is named `type` on the wire, refers to an object
   * around the copy, directly or in a tuple or a set. A Twisted peer gets a `_Dereference` there: put a list around it.
   * Reported once for each attribute, and for up to 100 attributes.
   */
  | { readonly kind: "attribute-lost"; readonly type: string; readonly name: string }
  /**
   * The peer could not send an object, and a received value has an `Unpersistable` in its place. Reported once for each
   * reason, and for up to 100 reasons. To refuse such values, let the policy refuse the type `unpersistable`.
   */
  | { readonly kind: "unpersistable"; readonly reason: string }
  /** The result or the error of a call could not be sent. The peer received an error instead. */
  | { readonly kind: "answer-failed"; readonly error: unknown }
  /** The peer reported that it did not understand a message. Limited like `call-unreadable`. */
  | { readonly kind: "not-understood"; readonly what: string; readonly omitted?: number | undefined }
  /**
   * A callback of the program threw: a disconnect callback, `unreferenced`, `stoppedObserving`, or a store of published
   * states. Also reported when `sendRemote` is called in a state hook or during a login, with arguments that cannot be
   * sent.
   */
  | { readonly kind: "callback-failed"; readonly error: unknown }
  /**
   * Many objects are referenced, and their number grows: a leak, or a limit that is too low. At `limit`, sending one
   * more object fails. `held`: this end holds `count` references to objects of the peer, and `limit` is that of this
   * end, because that of the peer is not known. Otherwise the peer holds `count` objects of this end.
   */
  | {
      readonly kind: "references-near-limit";
      readonly held: boolean;
      readonly count: number;
      readonly limit: number;
    }
  /** The peer announced that it will close. Calls in flight are still answered; further calls are not sent. */
  | { readonly kind: "going-away"; readonly retryAfterMs: number }
  /** The connection ended. `users` were logged in; `stats` are the last ones. */
  | {
      readonly kind: "closed";
      readonly reason: ConnectionLostError;
      readonly users: readonly string[];
      readonly stats: BrokerStats;
    };
