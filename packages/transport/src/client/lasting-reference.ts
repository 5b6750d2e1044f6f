// A reference that outlives connections: a recipe for getting it, which runs once per connection.

import { DeadReferenceError, RemoteError } from "@pb/broker";
import type { Reference, RemoteMethods, RemoteReference } from "@pb/broker";
import type { RemoteArguments, RemoteName, RemoteResult } from "@pb/broker/extension";
import { addDisposal, dispose, refuseProxies } from "@pb/jelly-types";
import { Binding } from "./binding.js";
import type { ClientConnections, LastingState, Recipe } from "./binding.js";
import type { CallTarget, ClientCalls } from "./client-calls.js";
import { CurrentObject } from "./current-object.js";
import { Standing } from "./standing.js";
import type { StandingOptions, StandingSetup } from "./standing.js";

/** The lasting reference to the result of a method. Never, if its result is not a reference. */
export type Lasting<Result> = 0 extends 1 & Result
  ? LastingReference
  : unknown extends Result
    ? LastingReference
    : Result extends RemoteReference<infer T>
      ? LastingReference<T>
      : never;

/** What lasting references use of their client. */
export interface LastingContext {
  readonly connections: ClientConnections;
  readonly calls: ClientCalls;
}

/**
 * A reference to the result of a method, over all connections of a {@link ReconnectingClient}:
 * `client.path("room", "lobby")` is the result of `callRemote("room", "lobby")`. The method is called when the
 * reference is first used on a connection, once per connection and before the calls that wait for it. It must be safe
 * to call once per connection. Its arguments are kept.
 *
 * Calls behave as those of the client: they wait while there is no connection, and a call in flight when the connection
 * is lost rejects with `OutcomeUnknownError`, or is sent again with `with({ idempotent: true })`. When the method of
 * the path fails, calls reject with its error; when its result is not a reference, with a `RemoteError` of the type
 * `pbx.NotAReference`.
 */
export class LastingReference<T = RemoteMethods> extends CurrentObject<T> implements Reference<T> {
  static {
    addDisposal(this);
    refuseProxies(this, (object) => #context in object);
  }

  readonly #context: LastingContext;
  readonly #binding: Binding<RemoteReference>;
  readonly #target: CallTarget;

  /** Programs use `path` of a client or of another lasting reference. */
  constructor(
    context: LastingContext,
    parent: Binding<RemoteReference> | undefined,
    name: string,
    args: readonly unknown[],
  ) {
    if (typeof name !== "string") throw new TypeError("The name of the method must be text");
    const { connections } = context;
    const binding = new Binding(connections, parent, callOf(name, args, connections.recipeMs));
    const target = targetOf(connections, binding);
    super(context.calls, target, "reference");
    this.#context = context;
    this.#binding = binding;
    this.#target = target;
  }

  /** Whether it is usable on the current connection. */
  get state(): LastingState {
    return this.#binding.state;
  }

  /** The reference on the current connection. Undefined unless the state is `bound`. */
  get reference(): RemoteReference<T> | undefined {
    return this.#binding.value as RemoteReference<T> | undefined;
  }

  /** Whether it can be called: false after disposal and when the client has stopped. Calls may have to wait. */
  get isAlive(): boolean {
    return !this.#binding.hasEnded;
  }

  /** Calls `watcher` with every new state, until the result is disposed of. */
  onState(watcher: (state: LastingState) => void): Disposable {
    return this.#binding.onState(watcher);
  }

  /**
   * Calls a method without an answer: at once if it is bound, with the errors of `RemoteReference.sendRemote`.
   * Otherwise it is sent when there is a reference, and errors are reported as `callback-failed`.
   */
  sendRemote<Name extends RemoteName<T>>(name: Name, ...args: RemoteArguments<T, Name>): void {
    const { reference } = this;
    if (reference === undefined) void this.#sendLater(name, args);
    else reference.sendRemote(name, ...args);
  }

  async #sendLater(name: string, args: readonly unknown[]): Promise<void> {
    const { calls, connections } = this.#context;
    await calls.send(this.#target, name, args).catch((error: unknown) => connections.report(error));
  }

  /** Resolves when the connection can take more messages. Waits for a connection, and rejects as calls do. */
  async drained(): Promise<void> {
    await (await this.current()).drained();
  }

  /**
   * Runs `callback` once, when the connection ends on which this is bound: now, or next. Dispose of the result to
   * unsubscribe. Throws `TypeError` for what is not a function.
   */
  notifyOnDisconnect(callback: (reference: this) => void): Disposable {
    if (typeof callback !== "function") throw new TypeError("The callback must be a function");
    let wasBound = this.state.is === "bound";
    const subscription = this.onState(({ is }) => {
      if (wasBound && is !== "bound") {
        subscription[dispose]();
        callback(this);
      }
      wasBound = is === "bound";
    });
    return subscription;
  }

  /**
   * A lasting reference to the result of a method of this one. It is bound after this one, and gone while this one is.
   * Throws `TypeError` for a name that is not text.
   */
  path<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Lasting<RemoteResult<T, Name>> {
    return new LastingReference(this.#context, this.#binding, name, args) as Lasting<RemoteResult<T, Name>>;
  }

  /** Runs `setup` with this reference, now and on every further connection: see `ReconnectingClient.standing`. */
  standing<Cursor = unknown>(setup: StandingSetup<T, Cursor>, options: StandingOptions<Cursor> = {}): Standing<Cursor> {
    return new Standing(this.#context.connections, this.#binding, setup, options);
  }

  /**
   * Calls the method of the path again if the state is `gone`, parents first. Does nothing while it is being called.
   */
  retry(): void {
    this.#binding.retry();
  }

  /**
   * Ends the reference: calls that wait for it, and all later ones, reject with `DeadReferenceError`. The object at the
   * peer is released when no `RemoteReference` to it is in use.
   */
  [Symbol.dispose](): void {
    this.#binding.end(new DeadReferenceError("The lasting reference was disposed of"));
  }

  /** Shown by inspectors. */
  get [Symbol.toStringTag](): string {
    return LastingReference.name;
  }
}

/** Calls the method of a path. */
function callOf(name: string, args: readonly unknown[], timeoutMs: number): Recipe<RemoteReference> {
  return {
    name,
    isEager: false,
    async make(reference, signal) {
      const result: unknown = await reference.with({ signal, timeoutMs }).callRemote(name, ...args);
      if (isReference(result)) return result;
      const type = "pbx.NotAReference";
      const message = `The result of ${name} is not a reference`;
      throw new RemoteError({ type, message, parents: [type, "twisted.spread.pb.Error"] });
    },
    isUsable: (reference) => reference.isAlive,
    // Other parts of the program may use the same reference. The broker releases it when it is collected.
    discard: () => undefined,
  };
}

/** Whether a result can be called: it is a reference, or a local one. */
export function isReference(result: unknown): result is RemoteReference {
  return typeof (result as Partial<RemoteReference> | null | undefined)?.with === "function";
}

/** Waits for a connection and binds on it, until a connection lasts for that long. */
function targetOf(connections: ClientConnections, binding: Binding<RemoteReference>): CallTarget {
  return async (whileDown, signal) => {
    for (;;) {
      if (binding.hasEnded) throw (binding.state as Extract<LastingState, { is: "gone" }>).cause;
      const ready = await connections.whenReady(whileDown, signal, binding);
      try {
        const reference = await binding.bindOn(ready);
        return { reference, isCurrent: () => binding.value === reference };
      } catch (error) {
        // Otherwise the client has left the connection, and the call has not been sent.
        if (connections.state() === ready) throw error;
      }
      signal.throwIfAborted();
    }
  };
}
