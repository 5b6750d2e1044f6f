// A client that connects again and logs in again whenever its connection is lost, and calls the current remote object.

import { defaultBrokerLimits } from "@pb/broker";
import type { Broker, BrokerOptions, RemoteMethods, RemoteReference } from "@pb/broker";
import { addDisposal, asyncDispose, checkOptions, dispose, refuseProxies } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { LONGEST_MS, Subscriptions, withDeadline, withDefaults } from "@pb/broker/extension";
import type { RemoteArguments, RemoteName, RemoteResult } from "@pb/broker/extension";
import { defaultWatcher } from "../default-watcher.js";
import { ConnectError, NotConnectedError } from "../errors.js";
import { checkAfterSleep, completeLiveness, watchOver } from "../liveness.js";
import type { LivenessOptions } from "../liveness.js";
import { defaultPlatform } from "../platform.js";
import type { Platform, Timer } from "../platform.js";
import type { Pulse } from "../pulse.js";
import { completeBackoff, delayAfter, retryDelay } from "./backoff.js";
import type { Backoff, BackoffOptions } from "./backoff.js";
import type { Bindable, ClientConnections } from "./binding.js";
import { ClientCalls } from "./client-calls.js";
import type { CallTarget } from "./client-calls.js";
import { CurrentObject } from "./current-object.js";
import { isReference, LastingReference } from "./lasting-reference.js";
import type { Lasting, LastingContext } from "./lasting-reference.js";
import { Standing } from "./standing.js";
import type { StandingOptions, StandingSetup } from "./standing.js";
import { isFinalByDefault, readyOrError } from "./reconnect-state.js";
import type { ReadyState, ReconnectState, WhileDown } from "./reconnect-state.js";
import { WaitingCalls } from "./waiting-calls.js";

/**
 * Makes one connection and resolves when both ends can call. Each transport has its own. Rejects with the reason of the
 * signal when that aborts, and then leaves nothing open.
 */
export type Dial = (signal: AbortSignal) => Promise<{ readonly broker: Broker; readonly pulse: Pulse }>;

/** Options of a {@link ReconnectingClient}, the same for every transport. */
export interface ReconnectingClientOptions<T> {
  /**
   * Runs on every new connection. Calls go to its result. Default: the root object. If the result is not a reference,
   * the client stops.
   */
  readonly login?: ((connection: Broker, signal: AbortSignal) => Promise<RemoteReference<T>>) | undefined;
  /**
   * Milliseconds that `login` may take. Then its signal aborts, and the attempt has failed with `ConnectError`
   * (`CONNECT_LOGIN_TIMEOUT`). The method of a `path` may take as long: then the path is gone, with `CallTimeoutError`.
   * Default 30,000, as for connecting: a server that never answers must not stop the client for ever.
   */
  readonly loginMs?: number | undefined;
  readonly backoff?: BackoffOptions | undefined;
  /**
   * Whether the client stops after this error: of a failed attempt, or the `ConnectionLostError` of a connection.
   * Default: it stops when a login is refused with `UnauthorizedLogin`, `LoginDenied` or `UnhandledCredentials`, unless
   * a limit on logins refused it; when the server has ended the sessions of the user for good (reason `denied`); and
   * when it replaced the connection by a newer one of the same user, because two clients would otherwise replace each
   * other for ever. If the function throws, the client goes on and reports the error to `onEvent`.
   */
  readonly isFinal?: ((error: unknown) => boolean) | undefined;
  /**
   * What a call does while there is no connection. Default `wait`: it waits for a connection, or until its deadline.
   */
  readonly whileDown?: WhileDown | undefined;
  /**
   * Methods that are safe to run twice: a call in flight when the connection is lost is sent again over the next
   * connection. It is sent at most 3 times, because a call that breaks each connection would also cost all others.
   */
  readonly idempotent?: Iterable<RemoteName<T>> | undefined;
  /** Called with every new state, and at once with the initial state. */
  readonly onState?: ((state: ReconnectState<T>) => void) | undefined;
  /** How each connection is checked while it is open. False: it is not checked. */
  readonly liveness?: LivenessOptions | false | undefined;
  /** Closes the client when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** What a transport passes to a {@link ReconnectingClient}, besides the options of the program. */
export interface ReconnectingClientHooks {
  /** Called with `callback-failed` when a callback of the program throws. It must not throw. Default: a warning. */
  readonly onEvent?: BrokerOptions["onEvent"];
  readonly platform?: Platform | undefined;
  /** How many calls may wait for a connection or an answer. Default: the `callsWaiting` of `defaultBrokerLimits`. */
  readonly callsWaiting?: number | undefined;
  /**
   * Observes when this end was asleep, as a tab of a browser is in the background: calls `wake` then, until the result
   * is disposed of. A client that waits for its next attempt tries at once, and one that is connected checks its
   * connection. Default: no observation.
   */
  readonly onWake?: ((wake: () => void) => Disposable) | undefined;
}

const optionKinds: OptionKinds<ReconnectingClientOptions<never>> = {
  login: "function",
  loginMs: "any",
  backoff: "object",
  isFinal: "function",
  whileDown: ["wait", "fail"],
  idempotent: "iterable",
  onState: "function",
  liveness: "any",
  signal: "signal",
};

const LOGIN_MS = 30_000;

/**
 * Connects at once, and again whenever the connection is lost. Calls go to the current avatar or root object:
 * `client.call.echo("hi")`.
 */
export class ReconnectingClient<T = RemoteMethods> extends CurrentObject<T> {
  static {
    addDisposal(this, asyncDispose);
    refuseProxies(this, (object) => #dial in object);
  }

  readonly #dial: Dial;
  readonly #options: ReconnectingClientOptions<T>;
  readonly #backoff: Backoff;
  readonly #platform: Platform;
  readonly #onEvent: NonNullable<BrokerOptions["onEvent"]>;
  readonly #watchers = new Subscriptions<[state: ReconnectState<T>]>();
  /** Lasting references and setups that follow the connections. */
  readonly #followers = new Subscriptions<[]>();
  readonly #stop = new AbortController();
  #timer: Timer | undefined;
  /** When the current connection became ready, on the clock of `performance.now()`. */
  #readySince = 0;
  /** The connection whose login has not finished. */
  #loggingIn: Broker | undefined;
  /** Connections to servers that are about to close: their calls in flight are still answered. */
  readonly #leaving = new Set<Broker>();
  readonly #lasting: LastingContext;
  readonly #loginMs: number;
  /** The connection that is being checked because this end was asleep. */
  #checked: Broker | undefined;
  readonly #waiting = new WaitingCalls<T>();
  #state: ReconnectState<T> = { is: "connecting", attempt: 1 };

  /** The kinds of all options, for transports that add options of their own. */
  static readonly optionKinds: OptionKinds<ReconnectingClientOptions<never>> = optionKinds;

  /** Programs use the function `reconnecting` of a transport instead. Throws `TypeError` for a bad option. */
  constructor(dial: Dial, options: ReconnectingClientOptions<T> = {}, hooks: ReconnectingClientHooks = {}) {
    checkOptions<ReconnectingClientOptions<T>>(options, optionKinds);
    if (options.liveness !== false) completeLiveness(options.liveness);
    const calls = new ClientCalls(options, hooks.callsWaiting ?? defaultBrokerLimits.callsWaiting);
    super(calls, (whileDown, signal) => this.#target(whileDown, signal), "connection");
    this.#dial = dial;
    this.#options = options;
    this.#backoff = completeBackoff(options.backoff);
    ({ loginMs: this.#loginMs } = withDefaults("option", { loginMs: LOGIN_MS }, { loginMs: options.loginMs }));
    this.#platform = hooks.platform ?? defaultPlatform;
    this.#onEvent = hooks.onEvent ?? defaultWatcher(this.#platform.warn);
    this.#lasting = { connections: this.#connections(), calls };
    const waking = hooks.onWake?.(() => this.#wake());
    const { onState, signal } = options;
    const stopped = this.#stop.signal;
    stopped.addEventListener("abort", () => waking?.[dispose](), { once: true });
    if (onState !== undefined) {
      this.#watchers.add(onState);
      this.#notify(onState, this.#state);
    }
    signal?.addEventListener("abort", () => void this.#end(signal.reason), { once: true, signal: stopped });
    if (signal?.aborted === true) void this.#end(signal.reason);
    else void this.#attempt(1);
  }

  get state(): ReconnectState<T> {
    return this.#state;
  }

  /** The current connection. Undefined while there is none. */
  get connection(): Broker | undefined {
    return this.#state.is === "ready" ? this.#state.connection : undefined;
  }

  /** The current avatar or root object. Undefined while there is no connection. */
  get reference(): RemoteReference<T> | undefined {
    return this.#state.is === "ready" ? this.#state.reference : undefined;
  }

  /**
   * Calls `watcher` with every new state, until the result is disposed of. If another watcher ends a state before this
   * one was called with it, this one is called with the next state only.
   */
  onState(watcher: (state: ReconnectState<T>) => void): Disposable {
    return this.#watchers.add(watcher);
  }

  /**
   * A reference to the result of a method, over all connections: `client.path("room", "lobby")`. Its method is called
   * once per connection, when the reference is first needed. Throws `TypeError` for a name that is not text.
   */
  path<Name extends RemoteName<T>>(
    name: RemoteName<T, Name>,
    ...args: RemoteArguments<T, Name>
  ): Lasting<RemoteResult<T, Name>> {
    return new LastingReference(this.#lasting, undefined, name, args) as Lasting<RemoteResult<T, Name>>;
  }

  /**
   * Runs `setup` with the avatar or root object, now and on every further connection, before the calls that wait for
   * one: a subscription that survives. It ends when the result is disposed of. An error of the setup is reported as
   * `callback-failed`, and the next connection tries again. When the connection is lost three times in a row while the
   * setup runs, it waits for a connection that lasts `stableMs`, and then twice as long after each further loss. Throws
   * `TypeError` for a bad option.
   */
  standing<Cursor = unknown>(setup: StandingSetup<T, Cursor>, options: StandingOptions<Cursor> = {}): Standing<Cursor> {
    return new Standing(this.#lasting.connections, undefined, setup, options);
  }

  /**
   * Skips the delay before the next attempt. Does nothing unless the state is `waiting`. For a program that knows that
   * the network is back.
   */
  retryNow(): void {
    if (this.#state.is === "waiting") void this.#attempt(this.#state.attempt);
  }

  /** This end was asleep. */
  #wake(): void {
    const { connection } = this;
    this.retryNow();
    if (connection === undefined || connection === this.#checked) return;
    this.#checked = connection;
    void checkAfterSleep(connection).then(() => {
      this.#checked = undefined;
      if (!connection.isOpen) this.retryNow();
    });
  }

  /**
   * Stops, and closes the connection after everything that is queued has been sent. Waiting calls reject with
   * `NotConnectedError`.
   */
  async close(): Promise<void> {
    await this.#end(undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The avatar or the root object, for calls. */
  readonly #target: CallTarget = async (whileDown, signal) => {
    const { connection, reference } = await this.#whenReady(whileDown, signal);
    return { reference: reference as unknown as RemoteReference, isCurrent: () => this.connection === connection };
  };

  /** One attempt: connects and logs in. If that fails, schedules the next attempt. */
  async #attempt(attempt: number): Promise<void> {
    clearTimeout(this.#timer);
    // The first attempt is the initial state, which is known already.
    if (this.#state.is !== "connecting") this.#setState({ is: "connecting", attempt });
    const { signal } = this.#stop;
    let connection: Broker | undefined;
    try {
      connection = await this.#connect(signal);
      signal.throwIfAborted();
      this.#loggingIn = connection;
      const reference = await this.#login(connection, signal);
      signal.throwIfAborted();
      // Any other attempt would have the same result, and calls would wait for ever.
      if (!isReference(reference)) return void this.#end(new TypeError(NO_REFERENCE));
      if (!connection.isOpen) throw await connection.closed;
      this.#becomeReady(connection, reference, attempt);
    } catch (error) {
      // A server that has not answered in time may also not read what is queued.
      if (error instanceof ConnectError) connection?.terminate("unresponsive", error);
      await connection?.close();
      this.#loggingIn = undefined;
      if (!signal.aborted) this.#attemptFailed(error, attempt);
    }
  }

  async #connect(signal: AbortSignal): Promise<Broker> {
    const { broker, pulse } = await this.#dial(signal);
    const { liveness } = this.#options;
    if (liveness !== false) watchOver(broker, pulse, liveness, this.#platform);
    return broker;
  }

  async #login(connection: Broker, signal: AbortSignal): Promise<RemoteReference<T>> {
    const { login } = this.#options;
    if (login === undefined) return connection.getRootObject<T>();
    const timeoutError = (ms: number): Error =>
      new ConnectError("CONNECT_LOGIN_TIMEOUT", `${connection.peer.description}: The login took more than ${ms} ms`);
    return withDeadline({ signal, timeoutMs: this.#loginMs }, timeoutError, (loginSignal) => {
      // A login that never finishes must not delay the next attempt when its connection ends.
      const lost = connection.closed.then((reason) => Promise.reject(reason));
      lost.catch(() => undefined);
      return Promise.race([login(connection, loginSignal), lost]);
    });
  }

  #becomeReady(connection: Broker, reference: RemoteReference<T>, attempt: number): void {
    const since = performance.now();
    this.#readySince = since;
    connection.notifyOnDisconnect((reason) => {
      this.#leaving.delete(connection);
      if (this.connection !== connection) return;
      const wasStable = performance.now() - since >= this.#backoff.stableMs;
      this.#attemptFailed(reason, wasStable ? 1 : attempt);
    });
    this.#loggingIn = undefined;
    this.#setState({ is: "ready", connection, reference });
    connection.notifyOnGoAway((retryAfterMs) => this.#leave(connection, retryAfterMs));
  }

  /** The server is about to close: connects again while the calls in flight are answered over the old connection. */
  #leave(connection: Broker, retryAfterMs: number): void {
    if (this.connection !== connection) return;
    this.#leaving.add(connection);
    const { firstMs, jitter } = this.#backoff;
    // The clients of one server do not all come back at the same moment.
    const ms = Math.min(retryAfterMs + Math.min(firstMs, LONGEST_MS) * jitter * Math.random(), LONGEST_MS);
    this.#attemptLater(ms, 1, new Error("The server is about to close"));
  }

  #attemptFailed(cause: unknown, attempt: number): void {
    if (attempt >= this.#backoff.attempts || this.#isFinal(cause)) {
      void this.#end(cause);
      return;
    }
    this.#attemptLater(Math.max(delayAfter(attempt, this.#backoff), retryDelay(cause)), attempt + 1, cause);
  }

  #attemptLater(ms: number, attempt: number, cause: unknown): void {
    this.#timer = setTimeout(() => void this.#attempt(attempt), ms);
    this.#setState({ is: "waiting", until: new Date(Date.now() + ms), attempt, cause });
  }

  #isFinal(cause: unknown): boolean {
    const { isFinal = isFinalByDefault } = this.#options;
    try {
      return isFinal(cause);
    } catch (error) {
      this.#onEvent({ kind: "callback-failed", error }, this.connection);
      return false;
    }
  }

  async #end(cause: unknown): Promise<void> {
    const connection = this.connection ?? this.#loggingIn;
    clearTimeout(this.#timer);
    this.#stop.abort(new NotConnectedError("The client was closed", { cause }));
    this.#setState({ is: "stopped", cause });
    const open = connection === undefined ? [...this.#leaving] : [connection, ...this.#leaving];
    await Promise.all(open.map((broker) => broker.close()));
  }

  #setState(state: ReconnectState<T>): void {
    if (this.#state.is === "stopped") return;
    this.#state = state;
    for (const follow of this.#followers) follow();
    this.#waiting.settle(this.#state);
    // A watcher may change the state. The other watchers have then been called with the newer state already.
    for (const watcher of this.#watchers) if (this.#state === state) this.#notify(watcher, state);
  }

  #notify<State>(watcher: (state: State) => unknown, state: State): void {
    const report = (error: unknown): void => this.#onEvent({ kind: "callback-failed", error }, this.connection);
    try {
      const result = watcher(state);
      if (result instanceof Promise) result.catch(report);
    } catch (error) {
      report(error);
    }
  }

  /**
   * Resolves with the state `ready`, now or as soon as it is reached. `signal` is that of `withDeadline`, which rejects
   * when it aborts.
   */
  async #whenReady(whileDown: WhileDown, signal: AbortSignal, binding?: Bindable): Promise<ReadyState<T>> {
    const now = readyOrError(this.#state, whileDown);
    if (now instanceof NotConnectedError) throw now;
    if (now !== undefined) return now;
    return this.#waiting.wait(signal, binding);
  }

  /** What lasting references and setups use of this client. */
  #connections(): ClientConnections {
    return {
      state: () => this.#state,
      age: () => performance.now() - this.#readySince,
      whenReady: (whileDown, signal, binding) => this.#whenReady(whileDown, signal, binding),
      forgetEnded: (error) => this.#waiting.rejectEnded(error),
      watch: (callback) => this.#followers.add(callback),
      notify: (watcher, state) => this.#notify(watcher, state),
      report: (error) => this.#onEvent({ kind: "callback-failed", error }, this.connection),
      unref: this.#platform.unref,
      recipeMs: this.#loginMs,
      stableMs: this.#backoff.stableMs,
    };
  }
}

const NO_REFERENCE = "The option login must resolve with a reference, such as that of login() or getRootObject()";
