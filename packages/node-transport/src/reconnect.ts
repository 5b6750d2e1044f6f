// A client that stays connected: connects again, logs in again, and always has the current object to call.

import { CallTimeoutError, ConnectionLostError, DeadReferenceError, RemoteError } from "@pb/broker";
import type { Broker, CallOptions, RemoteCalls, RemoteMethods, RemoteReference } from "@pb/broker";
import { BrokerConfig, RemoteCaller, withDeadline } from "@pb/broker/extension";
import type { RemoteArguments, RemoteName, RemoteResult } from "@pb/broker/extension";
import { defaultBackoff, waitAfter } from "./backoff.js";
import type { Backoff, BackoffOptions } from "./backoff.js";
import { connect } from "./connect.js";
import type { ConnectOptions } from "./connect.js";
import { clientEndpoint } from "./endpoint.js";
import type { ClientEndpoint } from "./endpoint.js";
import { NotConnectedError, OutcomeUnknownError } from "./errors.js";
import { watched } from "./faults.js";

/** Where a {@link ReconnectingClient} stands. */
export type ReconnectState<T = RemoteMethods> =
  /** `attempt` counts from 1 since the last connection that lasted. */
  | { readonly is: "connecting"; readonly attempt: number }
  /** `reference` is what the login gave: the avatar, or the root. */
  | { readonly is: "ready"; readonly connection: Broker; readonly reference: RemoteReference<T> }
  /** The next attempt is at `until`; `cause` is why there is no connection. */
  | { readonly is: "waiting"; readonly until: Date; readonly attempt: number; readonly cause: unknown }
  /** It was closed, or gave up: then `cause` says why. */
  | { readonly is: "stopped"; readonly cause: unknown };

type Ready<T> = Extract<ReconnectState<T>, { readonly is: "ready" }>;

export interface ReconnectOptions<T> extends Omit<ConnectOptions, "signal"> {
  /** What every new connection begins with; its result is what calls go to. Default: the root object. */
  readonly login?: ((connection: Broker, signal: AbortSignal) => Promise<RemoteReference<T>>) | undefined;
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Whether an error makes further attempts pointless. Default: a login that was refused for its credentials. When it throws, there is another
   * attempt, and `onEvent` is told.
   */
  readonly isFinal?: ((error: unknown) => boolean) | undefined;
  /** What becomes of calls made while there is no connection. Default `wait`: until there is one, or their time is over. */
  readonly whileDown?: "wait" | "fail" | undefined;
  /** Methods that may be called twice: a call of theirs that was in flight is sent again over the next connection. */
  readonly idempotent?: Iterable<RemoteName<T>> | undefined;
  /** Told of every change, and at once of the state at the beginning. */
  readonly onState?: ((state: ReconnectState<T>) => void) | undefined;
  /** Stops it, as `close` does. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReconnectingCallOptions extends CallOptions {
  /** Whether it may run twice. Default: what the client's `idempotent` says. */
  readonly idempotent?: boolean | undefined;
  readonly whileDown?: "wait" | "fail" | undefined;
}

/** Connects to `endpoint`, and again whenever the connection is lost. Throws `EndpointError`; else returns at once. */
export function reconnecting<T = RemoteMethods>(
  endpoint: string | ClientEndpoint,
  options: ReconnectOptions<T> = {},
): ReconnectingClient<T> {
  return new ReconnectingClient(clientEndpoint(endpoint), options);
}

export class ReconnectingClient<T = RemoteMethods> {
  readonly #endpoint: ClientEndpoint;
  readonly #options: ReconnectOptions<T>;
  readonly #backoff: Backoff;
  readonly #idempotent: ReadonlySet<string>;
  readonly #watchers = new Set<(state: ReconnectState<T>) => void>();
  readonly #stop = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** The connection that is not ready yet: its login is under way. */
  #arriving: Broker | undefined;
  #state: ReconnectState<T> = { is: "connecting", attempt: 1 };

  /** For {@link reconnecting}. */
  constructor(endpoint: ClientEndpoint, options: ReconnectOptions<T>) {
    this.#endpoint = endpoint;
    this.#options = options;
    this.#backoff = { ...defaultBackoff, ...definedOnly(options.backoff) };
    this.#idempotent = new Set<string>(options.idempotent);
    const { onState, signal } = options;
    if (onState !== undefined) {
      this.#watchers.add(onState);
      this.#tell(onState, this.#state);
    }
    const stopped = this.#stop.signal;
    signal?.addEventListener("abort", () => void this.#end(signal.reason), { once: true, signal: stopped });
    if (signal?.aborted === true) void this.#end(signal.reason);
    else void this.#attempt(1);
  }

  get state(): ReconnectState<T> {
    return this.#state;
  }

  /** The connection of the moment, when there is one. */
  get connection(): Broker | undefined {
    return this.#state.is === "ready" ? this.#state.connection : undefined;
  }

  /** The avatar or root of the moment, when there is a connection. */
  get reference(): RemoteReference<T> | undefined {
    return this.#state.is === "ready" ? this.#state.reference : undefined;
  }

  /**
   * Tells `watcher` every new state, until what is returned is disposed of. Of one that another watcher has ended before its turn came it does not
   * hear.
   */
  onState(watcher: (state: ReconnectState<T>) => void): Disposable {
    const entry = (state: ReconnectState<T>): void => watcher(state);
    this.#watchers.add(entry);
    return { [Symbol.dispose]: () => void this.#watchers.delete(entry) };
  }

  /** The current avatar or root, when there is one: now, or later. Rejects with `NotConnectedError` when it has stopped. */
  async current({ signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<RemoteReference<T>> {
    return (await this.#readiness("wait", signal)).reference;
  }

  /** The methods of the current avatar or root as functions: `client.call.echo("hi")` is `client.callRemote("echo", "hi")`. */
  get call(): RemoteCalls<T> {
    return this.with({}).call;
  }

  /**
   * Calls a method of the current avatar or root. While there is no connection, the call waits, or rejects with `NotConnectedError` (see `whileDown`).
   * When the connection ends before the answer, the call rejects with `OutcomeUnknownError`, or is sent again if the method is idempotent.
   */
  callRemote<Name extends RemoteName<T>>(
    name: Name,
    ...args: RemoteArguments<T, Name>
  ): Promise<RemoteResult<T, Name>> {
    return this.with({}).callRemote(name, ...args);
  }

  /** The same ways to call, with options. `timeoutMs` includes the time in which there is no connection. */
  with(options: ReconnectingCallOptions): RemoteCaller<T> {
    return new RemoteCaller((name, args) => this.#call(options, name, args));
  }

  /** Does not wait any longer, when it is waiting: for a program that knows that the network is back. */
  retryNow(): void {
    if (this.#state.is === "waiting") void this.#attempt(this.#state.attempt);
  }

  /** Stops, and closes the connection after what is written has left. Calls that wait reject with `NotConnectedError`. */
  async close(): Promise<void> {
    await this.#end(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #call(options: ReconnectingCallOptions, name: string, args: readonly unknown[]): Promise<unknown> {
    const { idempotent = this.#idempotent.has(name), whileDown = this.#options.whileDown ?? "wait" } = options;
    const timeoutError = (ms: number): Error => new CallTimeoutError(`${name} was not answered within ${ms} ms`);
    return withDeadline(options, timeoutError, async (signal) => {
      for (;;) {
        const { connection, reference } = await this.#readiness(whileDown, signal);
        try {
          return await (reference as unknown as RemoteReference).with({ signal }).callRemote(name, ...args);
        } catch (error) {
          // The reference was dead before the call was sent, so that the method cannot have run.
          if (error instanceof DeadReferenceError && !connection.isOpen) continue;
          if (!(error instanceof ConnectionLostError)) throw error;
          if (!idempotent) throw new OutcomeUnknownError(name, { cause: error });
        }
      }
    });
  }

  /** One attempt: connect, log in, be ready; or wait for the next. */
  async #attempt(attempt: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#become({ is: "connecting", attempt });
    const { signal } = this.#stop;
    let connection: Broker | undefined;
    try {
      connection = await connect(this.#endpoint, { ...this.#options, signal });
      signal.throwIfAborted();
      this.#arriving = connection;
      const reference = await this.#login(connection, signal);
      signal.throwIfAborted();
      if (!connection.isOpen) throw await connection.closed;
      this.#ready(connection, reference, attempt);
    } catch (error) {
      await connection?.close();
      this.#arriving = undefined;
      if (!signal.aborted) this.#failed(error, attempt);
    }
  }

  async #login(connection: Broker, signal: AbortSignal): Promise<RemoteReference<T>> {
    const { login } = this.#options;
    if (login === undefined) return connection.getRootObject<T>();
    // A login that hangs on a connection that is lost, or that we closed, does not keep us.
    const lost = connection.closed.then((reason) => Promise.reject(reason));
    lost.catch(() => undefined);
    return Promise.race([login(connection, signal), lost]);
  }

  #ready(connection: Broker, reference: RemoteReference<T>, attempt: number): void {
    const since = performance.now();
    connection.notifyOnDisconnect((reason) => {
      if (this.#stop.signal.aborted) return;
      const lasted = performance.now() - since >= this.#backoff.stableMs;
      this.#failed(reason, lasted ? 1 : attempt);
    });
    this.#arriving = undefined;
    this.#become({ is: "ready", connection, reference });
  }

  #failed(cause: unknown, attempt: number): void {
    if (attempt >= this.#backoff.attempts || this.#isFinal(cause)) {
      void this.#end(cause);
      return;
    }
    const ms = waitAfter(attempt, this.#backoff);
    this.#timer = setTimeout(() => void this.#attempt(attempt + 1), ms);
    this.#become({ is: "waiting", until: new Date(Date.now() + ms), attempt: attempt + 1, cause });
  }

  /** When the program cannot tell, there is another attempt. */
  #isFinal(cause: unknown): boolean {
    const { isFinal = isRefusal } = this.#options;
    try {
      return isFinal(cause);
    } catch (error) {
      this.#report(error);
      return false;
    }
  }

  async #end(cause: unknown): Promise<void> {
    const connection = this.connection ?? this.#arriving;
    clearTimeout(this.#timer);
    this.#stop.abort(new NotConnectedError("The client was closed", { cause }));
    if (this.#state.is !== "stopped") this.#become({ is: "stopped", cause });
    await connection?.close();
  }

  #become(state: ReconnectState<T>): void {
    if (this.#state.is === "stopped") return;
    this.#state = state;
    // A watcher may change it: then that is what the others have heard last.
    for (const watcher of this.#watchers) if (this.#state === state) this.#tell(watcher, state);
  }

  #tell(watcher: (state: ReconnectState<T>) => void, state: ReconnectState<T>): void {
    try {
      watcher(state);
    } catch (error) {
      this.#report(error);
    }
  }

  /** A callback that throws is told to whoever watches the connections, or is a warning of the process. */
  #report(error: unknown): void {
    const { broker } = this.#options;
    (broker instanceof BrokerConfig ? broker : watched(broker)).onEvent?.({ kind: "callback-failed", error });
  }

  /** The state `ready`, when it is that, or becomes it. */
  async #readiness(whileDown: "wait" | "fail", signal: AbortSignal | undefined): Promise<Ready<T>> {
    signal?.throwIfAborted();
    const settled = settle(this.#state, whileDown);
    if (settled !== undefined) return settled;
    return new Promise((resolve, reject) => {
      const done = (): void => {
        subscription[Symbol.dispose]();
        signal?.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        done();
        reject(signal!.reason as Error);
      };
      const subscription = this.onState((state) => {
        const later = settle(state, "wait");
        if (later === undefined) return;
        done();
        resolve(later);
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}

/** What a caller gets in this state, or undefined: it has to wait. */
function settle<T>(state: ReconnectState<T>, whileDown: "wait" | "fail"): Promise<Ready<T>> | undefined {
  switch (state.is) {
    case "ready":
      return Promise.resolve(state);
    case "stopped":
      return refuse("The client has stopped", state.cause);
    case "waiting":
      return whileDown === "wait"
        ? undefined
        : refuse(`There is no connection until ${state.until.toISOString()} at the earliest`, state.cause);
    case "connecting":
      return whileDown === "wait" ? undefined : refuse("There is no connection yet", undefined);
  }
}

function refuse(message: string, cause: unknown): Promise<never> {
  return Promise.reject(new NotConnectedError(message, { cause }));
}

/** Whether a login failed for its credentials: they will not get better, and accounts get locked. */
function isRefusal(error: unknown): boolean {
  const type = "twisted.cred.error.UnauthorizedLogin";
  if (error instanceof RemoteError) return error.is(type);
  return error instanceof Error && (error.constructor as { remoteType?: unknown }).remoteType === type;
}

function definedOnly<O extends object>(options: O | undefined): { [Name in keyof O]-?: Exclude<O[Name], undefined> } {
  const entries = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof O]-?: Exclude<O[Name], undefined> };
}
