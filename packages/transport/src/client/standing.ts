// A setup that runs on every connection of a reconnecting client, such as a subscription.

import { ConnectionLostError, DeadReferenceError } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { addDisposal, asyncDispose, checkOptions, dispose, refuseProxies } from "@pb/jelly-types";
import { Binding } from "./binding.js";
import type { ClientConnections, LastingState } from "./binding.js";

/** What a setup gets besides the reference. */
export interface StandingContext<Cursor = unknown> {
  /**
   * Aborts when the connection has ended, when the `Standing` is disposed of, and when the setup has failed and runs
   * again.
   */
  readonly signal: AbortSignal;
  /** What {@link advance} was last called with, on any connection. At first the option `cursor`. */
  readonly cursor: Cursor | undefined;
  /**
   * Notes how far the program has come, for the next connection. Ignored once the connection of this setup has ended:
   * what it notes then was already asked for again.
   */
  readonly advance: (cursor: Cursor) => void;
}

/**
 * Subscribes on a connection. When its result is a function, or can be disposed of as a reference can, that is called
 * when the `Standing` is disposed of, the client is closed or leaves the connection, and after the connection was lost.
 */
export type StandingSetup<T, Cursor = unknown> = (
  reference: RemoteReference<T>,
  context: StandingContext<Cursor>,
) => unknown;

/** Options of `ReconnectingClient.standing` and `LastingReference.standing`. */
export interface StandingOptions<Cursor = unknown> {
  /** The cursor of the first connection, for example one that was saved. */
  readonly cursor?: Cursor | undefined;
}

/** A setup that runs on every connection of a {@link ReconnectingClient}. Dispose of it to end it. */
export class Standing<Cursor = unknown> implements Disposable {
  static {
    addDisposal(this);
    refuseProxies(this, (object) => #binding in object);
  }

  readonly #binding: Binding<unknown>;
  #cursor: Cursor | undefined;

  /** Programs use `standing` of a client or of a lasting reference. */
  constructor(
    connections: ClientConnections,
    parent: Binding<RemoteReference> | undefined,
    setup: (reference: never, context: StandingContext<Cursor>) => unknown,
    options: StandingOptions<Cursor>,
  ) {
    if (typeof setup !== "function") throw new TypeError("The setup must be a function");
    checkOptions<StandingOptions<Cursor>>(options, { cursor: "any" });
    this.#cursor = options.cursor;
    this.#binding = new Binding(connections, parent, {
      name: setup.name || "the setup",
      isEager: true,
      make: async (reference, signal) => setup(reference as never, this.#contextOf(signal)),
      isUsable: () => true,
      discard: (value) =>
        void disposeOf(value).catch((error: unknown) => {
          // The server ends the subscription with the connection.
          if (!(error instanceof ConnectionLostError || error instanceof DeadReferenceError)) connections.report(error);
        }),
    });
  }

  /** `bound` while the setup has finished on the current connection, `gone` when it failed. */
  get state(): LastingState {
    return this.#binding.state;
  }

  /** The last cursor. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** Calls `watcher` with every new state, until the result is disposed of. */
  onState(watcher: (state: LastingState) => void): Disposable {
    return this.#binding.onState(watcher);
  }

  /** Runs the setup again if the state is `gone`. Does nothing while it runs. */
  retry(): void {
    this.#binding.retry();
  }

  /** Ends it: the signal of the setup aborts, what it returned is disposed of, and it does not run again. */
  [Symbol.dispose](): void {
    this.#binding.end(new DeadReferenceError("The standing setup was disposed of"));
  }

  /** Shown by inspectors. */
  get [Symbol.toStringTag](): string {
    return Standing.name;
  }

  #contextOf(signal: AbortSignal): StandingContext<Cursor> {
    const advance = (cursor: Cursor): void => {
      if (!signal.aborted) this.#cursor = cursor;
    };
    return { signal, cursor: this.#cursor, advance };
  }
}

/** Calls a function, or the disposal of an object. Ignores other values. */
async function disposeOf(value: unknown): Promise<void> {
  if (typeof value === "function") await (value as () => unknown)();
  else if (typeof value === "object" && value !== null) {
    const { [asyncDispose]: later, [dispose]: now } = value as Partial<AsyncDisposable & Disposable>;
    await Promise.resolve((later ?? now)?.call(value));
  }
}
