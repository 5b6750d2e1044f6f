// Something that is made anew on every connection of a reconnecting client, and its state: the recipe of a lasting
// reference, or the setup of a subscription.

import type { RemoteMethods, RemoteReference } from "@pb/broker";
import { Subscriptions, withDeadline } from "@pb/broker/extension";
import type { Timer } from "@pb/broker/extension";
import { dispose, onDispose } from "@pb/jelly-types";
import { NotConnectedError, OutcomeUnknownError } from "../errors.js";
import type { ReadyState, ReconnectState, WhileDown } from "./reconnect-state.js";

/** The state of a `LastingReference` or a `Standing`. */
export type LastingState =
  /** There is no connection, or nothing has needed it on this connection yet. */
  | { readonly is: "unbound" }
  /** It is being made on the current connection. */
  | { readonly is: "binding" }
  /** It was made on the current connection. */
  | { readonly is: "bound" }
  /**
   * It could not be made on the current connection: `cause` is the error. The next connection tries again, and so does
   * `retry()`. After disposal and when the client has stopped, it stays gone.
   */
  | { readonly is: "gone"; readonly cause: unknown };

/** The state `gone`, and why. */
interface Gone<Cause> {
  readonly is: "gone";
  readonly cause: Cause;
}

const UNBOUND: LastingState = Object.freeze({ is: "unbound" });
const BINDING: LastingState = Object.freeze({ is: "binding" });
const BOUND: LastingState = Object.freeze({ is: "bound" });

/** The state of a client that is logged in, whatever its avatar or root object is. */
export type AnyReadyState = Omit<ReadyState<RemoteMethods>, "reference"> & { readonly reference: object };
type AnyState = AnyReadyState | Exclude<ReconnectState, { readonly is: "ready" }>;

/** What bindings use of their client. */
export interface ClientConnections {
  state(): AnyState;
  /** Milliseconds for which the current connection has been ready. */
  age(): number;
  /** Resolves with the state `ready`. Stops waiting when `signal` aborts, and at {@link forgetEnded}. */
  whenReady(whileDown: WhileDown, signal: AbortSignal, waiting?: Bindable): Promise<AnyReadyState>;
  /** Rejects the calls that wait in {@link whenReady} for a binding that has ended. */
  forgetEnded(error: Error): void;
  /** Calls back at each new state, before the calls that wait for it continue. */
  watch(callback: () => void): Disposable;
  /** Calls a watcher of the program, and reports its errors. */
  notify<State>(watcher: (state: State) => unknown, state: State): void;
  /** Reports an error of the program that belongs to no call. */
  report(error: unknown): void;
  unref(timer: Timer): void;
  /** Milliseconds that a recipe may take, and that a connection lasts which counts as stable. */
  readonly recipeMs: number;
  readonly stableMs: number;
}

/** What a call can wait for, besides the connection. */
export interface Bindable {
  readonly hasEnded: boolean;
  bindOn(ready: AnyReadyState): Promise<unknown>;
}

/** How a value is made on a connection. */
export interface Recipe<Value> {
  /** The name that errors show. */
  readonly name: string;
  /** Whether it is made as soon as there is a connection, not when it is first needed. Its errors are then reported. */
  readonly isEager: boolean;
  /** Makes the value from the reference of the parent, or from that of the client. */
  make(reference: RemoteReference, signal: AbortSignal): Promise<Value>;
  /** Whether a value can still be used while its connection is open. */
  isUsable(value: Value): boolean;
  /** A value is not used anymore: it was disposed of, or the client has another connection or none. */
  discard(value: Value): void;
}

/** The attempt to make the value on one connection, and its result. */
interface Attempt<Value> {
  readonly ready: AnyReadyState;
  readonly promise: Promise<Value>;
  readonly stop: AbortController;
  state: LastingState;
  /** Whether the recipe itself runs: its parent is bound. */
  isRunning: boolean;
  value: Value | undefined;
}

/**
 * How many connections in a row may end while a recipe runs. Further ones must first have lasted for `stableMs`, and
 * each time twice as long: a recipe that breaks each connection must not cost all other calls theirs.
 */
const MOST_LOSSES = 3;
const LONGEST_PAUSE_MS = 3_600_000;

export class Binding<Value> implements Bindable {
  readonly #client: ClientConnections;
  readonly #parent: Binding<RemoteReference> | undefined;
  readonly #recipe: Recipe<Value>;
  #attempt: Attempt<Value> | undefined;
  /** Connections in a row that ended while the recipe ran, and the state after the last one. */
  #losses = 0;
  #lost: Gone<Error> | undefined;
  /** The final state: after disposal, and when the client has stopped. */
  #final: Gone<Error> | undefined;
  readonly #watchers = new Subscriptions<[state: LastingState]>();
  #watcherCount = 0;
  /** The state that the watchers know. */
  #known: LastingState = UNBOUND;
  /** Subscriptions to the client and the parent. A binding that does not need them has none, and can be collected. */
  readonly #subscriptions: Disposable[] = [];
  #timer: Timer | undefined;

  constructor(client: ClientConnections, parent: Binding<RemoteReference> | undefined, recipe: Recipe<Value>) {
    this.#client = client;
    this.#parent = parent;
    this.#recipe = recipe;
    if (recipe.isEager) this.#follow();
  }

  get state(): LastingState {
    if (this.#final !== undefined) return this.#final;
    if (this.#parent?.hasEnded === true) return (this.#final = this.#parent.#final!);
    const now = this.#client.state();
    if (now.is === "stopped")
      return (this.#final = gone(new NotConnectedError("The client has stopped", { cause: now.cause })));
    if (now.is !== "ready") return UNBOUND;
    const attempt = this.#attemptOn(now);
    if (attempt !== undefined) return attempt.state;
    const parent = this.#parent?.state;
    if (parent?.is === "gone") return parent;
    return this.#pauseLeft() > 0 ? this.#lost! : UNBOUND;
  }

  /** Whether it was ended, itself or above it, or the client has stopped: it will not be bound again. */
  get hasEnded(): boolean {
    return this.state === this.#final;
  }

  /** The value on the current connection. */
  get value(): Value | undefined {
    const now = this.#client.state();
    return now.is === "ready" && !this.hasEnded ? this.#attemptOn(now)?.value : undefined;
  }

  /** Calls `watcher` with every new state, until the result is disposed of. */
  onState(watcher: (state: LastingState) => void): Disposable {
    const subscription = this.#watchers.add(watcher);
    if (this.#watcherCount++ === 0) this.#known = this.state;
    this.#subscribe();
    this.#awaitPause();
    let isActive = true;
    return onDispose(() => {
      if (isActive) this.#watcherCount--;
      isActive = false;
      subscription[dispose]();
      this.#unsubscribe();
    });
  }

  /** Tries again if it is gone. */
  retry(): void {
    const { state } = this;
    if (this.#final !== undefined || state === BINDING || state === BOUND) return;
    this.#losses = 0;
    if (this.#attempt !== undefined) this.#leave(this.#attempt, new NotConnectedError("It is tried again"));
    this.#parent?.retry();
    this.#start();
    this.#changed();
  }

  /**
   * Makes the value on a connection, unless that was done. Rejects with the error of the recipe or of the connection,
   * and with the reason of {@link end}.
   */
  bindOn(ready: AnyReadyState): Promise<Value> {
    const known = this.#attemptOn(ready);
    if (known !== undefined) return known.promise;
    if (this.#client.state() !== ready) return rejected(new NotConnectedError("The connection has ended"));
    if (this.#attempt !== undefined) this.#leave(this.#attempt);
    const { state } = this; // Gone because of the parent, of too many losses, or for good.
    if (state.is === "gone") return rejected(state.cause);
    let settle!: { resolve: (value: Value) => void; reject: (error: unknown) => void };
    const promise = new Promise<Value>((resolve, reject) => (settle = { resolve, reject }));
    promise.catch(() => undefined);
    const stop = new AbortController();
    const attempt: Attempt<Value> = { ready, promise, stop, state: BINDING, isRunning: false, value: undefined };
    this.#attempt = attempt;
    this.#subscribe();
    // The first message of the recipe is written before this function returns.
    this.#run(attempt).then(settle.resolve, settle.reject);
    this.#changed();
    return promise;
  }

  /** Ends it. `reason` is what its calls reject with. */
  end(reason: Error): void {
    if (this.#final !== undefined) return;
    this.#final = gone(reason);
    this.#finish();
  }

  async #run(attempt: Attempt<Value>): Promise<Value> {
    const { signal } = attempt.stop;
    const discard = (late: Value): void => this.#recipe.discard(late);
    try {
      const value = await withDeadline({ signal }, neverTimesOut, () => this.#make(attempt, signal), discard);
      if (signal.aborted) discard(value); // It has ended since the value was made: `await` takes its time.
      signal.throwIfAborted();
      attempt.value = value;
      attempt.state = BOUND;
      this.#losses = 0;
      return value;
    } catch (error) {
      if (!signal.aborted) this.#failed(attempt, error);
      throw error;
    } finally {
      this.#changed();
      this.#unsubscribe();
    }
  }

  async #make(attempt: Attempt<Value>, signal: AbortSignal): Promise<Value> {
    const { ready } = attempt;
    const parent = this.#parent;
    const reference = parent === undefined ? (ready.reference as RemoteReference) : await parent.bindOn(ready);
    signal.throwIfAborted();
    attempt.isRunning = true;
    return this.#recipe.make(reference, signal);
  }

  #failed(attempt: Attempt<Value>, error: unknown): void {
    if (attempt.isRunning) attempt.state = gone(error);
    else this.#attempt = undefined; // The state is that of the parent.
    if (this.#recipe.isEager) this.#client.report(error);
  }

  #attemptOn(ready: AnyReadyState): Attempt<Value> | undefined {
    const attempt = this.#attempt;
    if (attempt?.ready !== ready) return undefined;
    return attempt.state !== BOUND || this.#recipe.isUsable(attempt.value as Value) ? attempt : undefined;
  }

  /** Milliseconds that the current connection must still last, because the recipe has run on several that ended. */
  #pauseLeft(): number {
    if (this.#losses < MOST_LOSSES) return 0;
    const pause = this.#client.stableMs * 2 ** (this.#losses - MOST_LOSSES);
    return Math.min(pause, LONGEST_PAUSE_MS) - this.#client.age();
  }

  /** Makes the value if there is a connection, now or after the pause. */
  #start(): void {
    clearTimeout(this.#timer);
    const now = this.#client.state();
    if (now.is !== "ready" || this.#final !== undefined) return;
    const pause = Math.max(this.#pauseLeft(), this.#parent === undefined ? 0 : this.#parent.#pauseLeft());
    if (pause <= 0) {
      this.bindOn(now).catch(() => undefined);
    } else if (this.#recipe.isEager) {
      this.#setTimer(pause, () => this.#start());
    }
  }

  /** Tells the watchers when the pause after too many losses is over: the state is `unbound` then. */
  #awaitPause(): void {
    if (this.#recipe.isEager) return; // It is made anew then.
    clearTimeout(this.#timer);
    const pause = this.#pauseLeft();
    const isPausing = this.#watcherCount > 0 && pause > 0 && this.#attempt === undefined;
    if (!isPausing || this.#client.state().is !== "ready" || this.#final !== undefined) return;
    this.#setTimer(pause, () => {
      this.#awaitPause();
      this.#changed();
    });
  }

  #setTimer(milliseconds: number, callback: () => void): void {
    this.#timer = setTimeout(callback, Math.ceil(milliseconds));
    this.#client.unref(this.#timer);
  }

  /** The client or the parent has a new state. */
  readonly #follow = (): void => {
    const now = this.#client.state();
    const attempt = this.#attempt;
    if (this.state === this.#final) return this.#finish();
    if (attempt !== undefined && attempt.ready !== now) this.#leave(attempt);
    if (this.#recipe.isEager) {
      this.#subscribe();
      const parent = this.#parent;
      const isParentGone = parent?.state.is === "gone" && parent.#pauseLeft() <= 0;
      if (this.#attempt === undefined && !isParentGone) this.#start();
    }
    this.#awaitPause();
    this.#changed();
  };

  /** The state is final. */
  #finish(): void {
    const { cause } = this.#final!;
    clearTimeout(this.#timer);
    if (this.#attempt !== undefined) this.#leave(this.#attempt, cause);
    this.#client.forgetEnded(cause); // Calls that wait for this binding, and for those below it.
    this.#changed();
    this.#unsubscribe();
  }

  /** The client has another connection or none, or the binding has ended for this reason. */
  #leave(attempt: Attempt<Value>, reason?: Error): void {
    const { stop, state, value } = attempt;
    this.#attempt = undefined;
    stop.abort(reason ?? this.#connectionEnded(attempt));
    if (state === BOUND) this.#recipe.discard(value as Value);
  }

  /** The error for calls that wait for an attempt whose connection is not the current one anymore. */
  #connectionEnded({ ready, state, isRunning }: Attempt<Value>): Error {
    const now = this.#client.state();
    const cause = now.is === "waiting" ? now.cause : undefined;
    if (state !== BINDING || !isRunning || ready.connection.isOpen)
      return new NotConnectedError("The connection has ended", { cause });
    const error = new OutcomeUnknownError(this.#recipe.name, { cause });
    this.#losses++;
    this.#lost = gone(error);
    return error;
  }

  #changed(): void {
    if (this.#watcherCount === 0) return;
    const { state } = this;
    if (state === this.#known) return;
    this.#known = state;
    for (const watcher of this.#watchers) {
      if (this.#known !== state) return; // A watcher has changed it, and all were called.
      this.#client.notify(watcher, state);
    }
  }

  #subscribe(): void {
    if (this.#subscriptions.length > 0 || this.#final !== undefined) return;
    this.#subscriptions.push(this.#client.watch(this.#follow));
    if (this.#parent !== undefined) this.#subscriptions.push(this.#parent.onState(this.#follow));
  }

  #unsubscribe(): void {
    const isNeeded = this.#recipe.isEager || this.#watcherCount > 0 || this.#attempt?.state === BINDING;
    if (isNeeded && this.#final === undefined) return;
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions.splice(0)) subscription[dispose]();
  }
}

function gone<Cause>(cause: Cause): Gone<Cause> {
  return Object.freeze({ is: "gone", cause });
}

async function rejected(cause: unknown): Promise<never> {
  throw cause;
}

function neverTimesOut(): Error {
  return new Error("unreachable: no timeout was given");
}
