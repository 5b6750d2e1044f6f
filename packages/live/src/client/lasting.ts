// `live`: a view that survives reconnects.

import type { RemoteMethods, RemoteReference } from "@pb/broker";
import { addDisposal, dispose, refuseProxies } from "@pb/jelly-types";
import { LiveError } from "../errors.js";
import type { Live } from "../server/live.js";
import { LiveView } from "./live-view.js";
import { Selection } from "./selection.js";
import { Listeners } from "./source.js";
import type { LiveSource, LiveStatus } from "./source.js";

/** The state of a subscription of a client. */
interface StandingLike extends Disposable {
  readonly state: { readonly is: "unbound" | "binding" | "bound" } | { readonly is: "gone"; readonly cause: unknown };
  onState(watcher: () => void): Disposable;
  retry(): void;
}

/** What {@link live} uses of a `ReconnectingClient` or a `LastingReference`. */
export interface LiveClient<T> {
  /** Runs `setup` on every connection, as `ReconnectingClient.standing` does. */
  standing(setup: (reference: RemoteReference<T>, context: { readonly signal: AbortSignal }) => unknown): StandingLike;
}

/** Requests the view on a connection: `(root) => root.callRemote("board")`. */
export type LiveRecipe<T, Result> = (
  reference: RemoteReference<T>,
  context: { readonly signal: AbortSignal },
) => Promise<Result> | Result;

/** The state that a viewer gets of what a method returns, which is a `Live` or a source at the server. */
export type ViewedState<Result> =
  Result extends LiveSource<infer State> ? State : Result extends Live<infer _State, infer View> ? View : unknown;

/** A view that is requested on every connection of a client. Dispose of it to end it. */
export interface LastingView<State> extends LiveSource<State>, Disposable {
  /** Why it is `gone` or `stale`. Undefined if only the connection is missing. */
  readonly error: unknown;
  /** A part of the state as a source of its own: see `LiveView.select`. */
  select<Selected>(
    selector: (state: State) => Selected,
    isEqual?: (one: Selected, other: Selected) => boolean,
  ): LiveSource<Selected>;
  /** Requests the view again if it is `gone`. */
  retry(): void;
}

/**
 * A view that is requested again on every connection of a reconnecting client. After a reconnect, what is equal stays
 * the same object, and listeners of parts that have not changed are not called. Until then the status is `stale`, with
 * the last state. A view whose patches cannot be applied is requested again, too.
 *
 * `client` is a `ReconnectingClient` or a `LastingReference`. When `recipe` fails while there is a connection, the
 * status is `gone`; the next connection tries again, and so does `retry()`.
 */
export function live<Result, T = RemoteMethods>(
  client: LiveClient<T>,
  recipe: LiveRecipe<T, Result>,
): LastingView<ViewedState<Result>> {
  if (typeof (client as Partial<LiveClient<T>> | null | undefined)?.standing !== "function")
    throw new TypeError("The client must be a ReconnectingClient or a LastingReference");
  if (typeof recipe !== "function") throw new TypeError("The recipe must be a function");
  return new Lasting<ViewedState<Result>, T>(client, recipe);
}

/** How often a view is requested on one connection while no patch of it can be applied. */
const MOST_REQUESTS = 3;

/** How many lasting views use a view: the last one disposes of it. */
const users = new WeakMap<LiveView, number>();

class Lasting<State, T> implements LastingView<State> {
  static {
    addDisposal(this);
    refuseProxies(this, (object) => #standing in object);
  }

  readonly #recipe: LiveRecipe<T, unknown>;
  readonly #standing: StandingLike;
  readonly #stateSubscription: Disposable;
  readonly #listeners = new Listeners(() => this.#hasChanged());
  /** What the listeners know: a connection has states that make no difference to them. */
  #known: readonly [status: LiveStatus, error: unknown, state: State | undefined] | undefined;
  #view: LiveView<State> | undefined;
  #unsubscribe: (() => void) | undefined;
  /** The last state, while there is no view. */
  #last: State | undefined;
  #requests = 0;
  /** Requests the view again on the current connection. */
  #again: (() => void) | undefined;
  /** Why the last request of it on this connection has failed. */
  #failure: unknown;

  constructor(client: LiveClient<T>, recipe: LiveRecipe<T, unknown>) {
    this.#recipe = recipe;
    this.#standing = client.standing(async (reference, { signal }) => {
      this.#requests = 0;
      this.#again = () => void this.#requestAgain(reference, signal);
      await this.#request(reference, signal);
      return () => this.#leave();
    });
    this.#stateSubscription = this.#standing.onState(() => this.#listeners.notify());
  }

  get status(): LiveStatus {
    const { state } = this.#standing;
    if (state.is === "gone" || this.#failure !== undefined) return "gone";
    if (this.#view !== undefined) return this.#view.status;
    return this.#last === undefined ? "waiting" : "stale";
  }

  get error(): unknown {
    const { state } = this.#standing;
    return state.is === "gone" ? state.cause : (this.#failure ?? this.#view?.error);
  }

  getSnapshot(): State | undefined {
    return this.#view === undefined ? this.#last : this.#view.getSnapshot();
  }

  subscribe(listener: () => void): () => void {
    if (this.#listeners.size === 0) this.#hasChanged();
    return this.#listeners.add(listener);
  }

  select<Selected>(
    selector: (state: State) => Selected,
    isEqual: (one: Selected, other: Selected) => boolean = Object.is,
  ): LiveSource<Selected> {
    return new Selection<State, Selected>(this, selector, isEqual);
  }

  retry(): void {
    if (this.#standing.state.is === "bound" && this.#view !== undefined && this.#view.status !== "live") {
      this.#requests = 0;
      this.#again?.();
    } else this.#standing.retry();
  }

  [Symbol.dispose](): void {
    this.#standing[dispose]();
    this.#stateSubscription[dispose]();
    this.#leave();
    this.#listeners.notify();
  }

  async #request(reference: RemoteReference<T>, signal: AbortSignal): Promise<void> {
    this.#requests++;
    this.#failure = undefined;
    const view = await this.#recipe(reference, { signal });
    if (!(view instanceof LiveView))
      throw new LiveError("LIVE_NOT_A_VIEW", "The result of the recipe is not a LiveView: is its type registered?");
    signal.throwIfAborted();
    this.#leave();
    this.#use(view as LiveView<State>);
  }

  /** The view is broken, or the server has ended it. A new copy is sent only after all have released this one. */
  async #requestAgain(reference: RemoteReference<T>, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    this.#view?.[dispose]();
    try {
      await this.#request(reference, signal);
    } catch (error) {
      if (!isAborted(signal)) this.#failure = error;
      this.#listeners.notify();
    }
  }

  /** Whether a listener would see a difference. */
  #hasChanged(): boolean {
    const known = this.#known;
    const now = (this.#known = [this.status, this.error, this.getSnapshot()] as const);
    return known === undefined || now.some((part, index) => part !== known[index]);
  }

  #use(view: LiveView<State>): void {
    const count = users.get(view) ?? 0;
    users.set(view, count + 1);
    if (count === 0 && this.#last !== undefined) view.rebase(this.#last);
    this.#view = view;
    this.#last = undefined;
    this.#unsubscribe = view.subscribe(() => this.#changed(view));
    this.#listeners.notify();
  }

  /** Stops using the view. The last state stays. */
  #leave(): void {
    const view = this.#view;
    if (view === undefined) return;
    this.#last = view.getSnapshot();
    this.#view = undefined;
    this.#unsubscribe?.();
    const left = users.get(view)! - 1;
    users.set(view, left);
    if (left === 0) view[dispose]();
    this.#listeners.notify();
  }

  /** The view has changed: its state, or because it is broken. */
  #changed(view: LiveView<State>): void {
    this.#listeners.notify();
    if (view.status === "live") this.#requests = 0;
    const isBroken = view.status === "stale" && view.isAlive && view.error !== undefined;
    if (isBroken && this.#requests < MOST_REQUESTS) this.#again?.();
  }
}

/** A function, because the compiler does not know that a signal may abort during an await. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
