// The announcement of an end of the connection, by this end and by the peer (the method `goaway` of `pbx`).

import type { ConnectionCore } from "../engine/connection-core.js";
import type { CloseReason, ServerBusyError } from "../errors.js";
import { Subscriptions } from "../subscriptions.js";
import type { PeerFeatures } from "./peer-features.js";
import { DENIED, PBX, REPLACED } from "./pbx.js";

/** What goodbyes use of their broker. */
export interface GoodbyeOwner {
  /** The core, if the connection is ready. */
  core(): ConnectionCore | undefined;
  /** Resolves when all calls in both directions are answered. */
  idle(): Promise<void>;
  /** Ends the connection at once. */
  terminate(reason: CloseReason, cause: Error): void;
  /** Ends the connection, and closes the link when everything is sent. */
  leave(reason: CloseReason, cause: Error): void;
}

const DETAILS = { perspective: null, keepAlive: undefined, isPing: true } as const;

/** Calls `goaway` of the peer. A stock peer ignores it. */
function sendGoodbye({ caller }: ConnectionCore, goodbye: object): void {
  caller.send(PBX, "goaway", [goodbye], DETAILS);
}

/**
 * Tells the peer that this end closes the connection for a reason such as `replaced`, and when it may connect again: if
 * `cause` has a number `retryAfterMs`.
 */
export function sendReason(core: ConnectionCore, reason: CloseReason, cause: Error | undefined): void {
  const { retryAfterMs } = (cause ?? {}) as { readonly retryAfterMs?: unknown };
  sendGoodbye(core, { reason, ...(typeof retryAfterMs === "number" ? { retryAfter: retryAfterMs / 1000 } : {}) });
}

/** Tells the peer that this end closes the connection because of a limit, and when it may connect again. */
export function sendBusy(core: ConnectionCore, { retryAfterMs, limit }: ServerBusyError): void {
  sendGoodbye(core, { retryAfter: retryAfterMs / 1000, busy: limit });
}

export class Goodbyes {
  readonly #owner: GoodbyeOwner;
  /** Created with the first callback: only reconnecting clients have one. */
  #callbacks: Subscriptions<[retryAfterMs: number]> | undefined;
  /** What the peer said when it announced that it will close. */
  #retryAfterMs: number | undefined;

  constructor(owner: GoodbyeOwner) {
    this.#owner = owner;
  }

  /** See `Broker.goAway`. */
  async announce(core: ConnectionCore, peer: PeerFeatures, retryAfterMs: number): Promise<boolean> {
    if (!(await peer.ask()).has("goaway")) return false;
    core.owner.requireOpen();
    // From now on, the peer may close at any time.
    stopCalling(core);
    sendGoodbye(core, { retryAfter: retryAfterMs / 1000 });
    return true;
  }

  /** See `Broker.notifyOnGoAway`. */
  notify(callback: (retryAfterMs: number) => void, run: (callback: () => void) => void): Disposable {
    const subscription = (this.#callbacks ??= new Subscriptions()).add(callback);
    if (this.#retryAfterMs !== undefined) this.#runCallbacks(this.#retryAfterMs, run);
    return subscription;
  }

  /** The peer will close: makes no further calls, and closes when all calls are answered. */
  peerGoesAway(retryAfterMs: number, busy: ServerBusyError | undefined): void {
    const core = this.#owner.core();
    // Later, because this is a call of the peer.
    if (busy !== undefined) queueMicrotask(() => this.#owner.terminate("busy", busy));
    if (core === undefined || this.#retryAfterMs !== undefined || busy !== undefined) return;
    this.#retryAfterMs = retryAfterMs;
    stopCalling(core);
    this.#runCallbacks(retryAfterMs, (callback) => core.config.runCallback(callback, core.connection));
    core.config.onEvent({ kind: "going-away", retryAfterMs }, core.connection);
    void this.#owner.idle().then(() => {
      if (this.#owner.core() !== undefined)
        this.#owner.leave("lost", new Error("the peer had announced that it would close"));
    });
  }

  /** The peer has ended this connection in favor of a newer one of the same user. */
  wasReplaced(): void {
    this.#owner.leave(REPLACED, new Error("the same user has logged in over another connection"));
  }

  /** The peer has ended the sessions of this user. */
  wasDenied(retryAfterMs: number | undefined): void {
    const cause = new Error(retryAfterMs === undefined ? "for good" : `for ${Math.ceil(retryAfterMs / 1000)} s`);
    this.#owner.leave(DENIED, retryAfterMs === undefined ? cause : Object.assign(cause, { retryAfterMs }));
  }

  #runCallbacks(retryAfterMs: number, run: (callback: () => void) => void): void {
    for (const callback of this.#callbacks?.takeAll() ?? []) run(() => callback(retryAfterMs));
  }
}

/** From now on, only methods of the peer's calls that are running may call: the peer waits for these. */
function stopCalling({ caller, responder }: ConnectionCore): void {
  caller.mayCall = () => responder.isWorking;
}
