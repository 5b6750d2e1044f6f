// The calls of a reconnecting client: each is sent over the current connection, and over the next ones if that was lost
// and the call may be sent again.

import { Broker, CallTimeoutError, ConnectionLostError, DeadReferenceError, LimitError } from "@pb/broker";
import type { CallOptions, Reference, RemoteReference } from "@pb/broker";
import { RemoteCaller, withDeadline } from "@pb/broker/extension";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { NotConnectedError, OutcomeUnknownError } from "../errors.js";
import type { WhileDown } from "./reconnect-state.js";

/** Options of calls over a {@link ReconnectingClient}. */
export interface ReconnectingCallOptions extends CallOptions {
  /** Whether the call may run twice. Default: as the option `idempotent` of the client says. */
  readonly idempotent?: boolean | undefined;
  /**
   * The method runs once, and the call may still be sent again: the server keeps the answer until the client has it.
   * When a connection is lost, the next one asks for that answer. The call rejects with `OutcomeUnknownError` when the
   * server has restarted or has forgotten the answer (`keptAnswerMs` of its limits), with a `RemoteError` of the type
   * `pbx.AnswerNotKept` when the method has run, but its lost answer contained references or was too large, and with
   * one of the type `pbx.OnceRefused`, before it runs, when too many answers are kept. The first such call of a
   * connection takes one more round trip. For a server without this library or `txpb`, and for `pipe`, it changes
   * nothing. Default false.
   */
  readonly once?: boolean | undefined;
  /** Default: as the option `whileDown` of the client says. */
  readonly whileDown?: WhileDown | undefined;
}

const callOptionKinds: OptionKinds<ReconnectingCallOptions> = {
  signal: "signal",
  timeoutMs: "any",
  traceparent: "any",
  tracestate: "any",
  baggage: "any",
  idempotent: "boolean",
  once: "boolean",
  whileDown: ["wait", "fail"],
};

/** How often a call is sent that may be sent again. */
const MAX_SENDS = 3;

/** An object of the peer over the current connection. */
export interface BoundTarget {
  readonly reference: RemoteReference;
  /** Whether {@link CallTarget} would still resolve with this reference. */
  readonly isCurrent: () => boolean;
}

/** Resolves with the object that is called, as soon as there is a connection. Stops waiting when `signal` aborts. */
export type CallTarget = (whileDown: WhileDown, signal: AbortSignal) => Promise<BoundTarget>;

export class ClientCalls {
  readonly #idempotent: ReadonlySet<string>;
  readonly #whileDown: WhileDown;
  readonly #limit: number;
  /** Calls that wait for a connection or an answer. */
  #waiting = 0;

  /** At most `limit` calls may wait. */
  constructor(
    options: { readonly idempotent?: Iterable<string> | undefined; readonly whileDown?: WhileDown | undefined },
    limit: number,
  ) {
    this.#idempotent = new Set(options.idempotent);
    this.#whileDown = options.whileDown ?? "wait";
    this.#limit = limit;
  }

  /** Calls the methods of `target`. Throws `TypeError` for a bad option. */
  caller<T>(target: CallTarget, options: ReconnectingCallOptions): RemoteCaller<T> {
    checkOptions(options, callOptionKinds);
    const { signal, timeoutMs, traceparent, tracestate, baggage } = options;
    RemoteCaller.check({ signal, timeoutMs, traceparent, tracestate, baggage });
    if (options.once === true && options.idempotent === true)
      throw new TypeError("The options once and idempotent exclude each other");
    return new RemoteCaller(
      (name, args) => this.#call(target, options, name, args),
      options,
      (name, args) => this.#pipe(target, options, name, args),
    );
  }

  async #call(
    target: CallTarget,
    given: ReconnectingCallOptions,
    name: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    const options = RemoteCaller.inherit(given);
    const result = await this.#whileWaiting(options, name, (signal) => this.#send(target, options, name, args, signal));
    RemoteCaller.noteSignal(result, given.signal);
    return result;
  }

  #pipe(target: CallTarget, given: ReconnectingCallOptions, name: string, args: readonly unknown[]): object {
    const made = this.#pipeWhenReady(target, RemoteCaller.inherit(given), name, args);
    return Broker.pipeLater(made, (error) =>
      error instanceof ConnectionLostError ? new OutcomeUnknownError(name, { cause: error }) : error,
    );
  }

  /** In an object, because a promise of a pipelined reference would be a promise of its result. */
  async #pipeWhenReady(
    target: CallTarget,
    options: ReconnectingCallOptions,
    name: string,
    args: readonly unknown[],
  ): Promise<{ readonly reference: Reference & Promise<unknown> }> {
    const { signal, traceparent, tracestate, baggage, whileDown = this.#whileDown } = options;
    const start = performance.now();
    const { reference } = await this.#whileWaiting(options, name, (stop) => target(whileDown, stop));
    const caller = reference.with({
      signal,
      traceparent,
      tracestate,
      baggage,
      timeoutMs: timeLeft(options, start),
    });
    return { reference: caller.pipe(name, ...(args as never[])) };
  }

  /** Sends a call without an answer, as soon as there is a connection. */
  async send(target: CallTarget, name: string, args: readonly unknown[]): Promise<void> {
    await this.#count(async () => {
      const { reference } = await target(this.#whileDown, new AbortController().signal);
      reference.sendRemote(name, ...args);
    });
  }

  /** Runs `work` until the deadline of a call, which counts as waiting meanwhile. */
  #whileWaiting<Result>(
    options: ReconnectingCallOptions,
    name: string,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return this.#count(() => withDeadline(options, (ms) => notAnswered(name, ms), work));
  }

  async #count<Result>(call: () => Promise<Result>): Promise<Result> {
    if (this.#waiting >= this.#limit) {
      const text = `Too many calls wait for a connection or an answer: the limit is ${this.#limit}`;
      throw new LimitError("callsWaiting", text);
    }
    this.#waiting++;
    try {
      return await call();
    } finally {
      this.#waiting--;
    }
  }

  /** Sends a call over the current connection, and over the next ones if it was lost and may be sent again. */
  async #send(
    target: CallTarget,
    options: ReconnectingCallOptions,
    name: string,
    args: readonly unknown[],
    signal: AbortSignal,
  ): Promise<unknown> {
    const { idempotent = this.#idempotent.has(name), whileDown = this.#whileDown } = options;
    const { traceparent, tracestate, baggage, timeoutMs } = options;
    const once = options.once === true ? Broker.once() : undefined;
    const start = performance.now();
    let lost: Error | undefined;
    for (let losses = 0; ;) {
      const { reference, isCurrent } = await target(whileDown, signal).catch((error: unknown) => {
        const mayHaveRun = error instanceof NotConnectedError && once !== undefined && once.sends > 0;
        throw mayHaveRun ? new OutcomeUnknownError(name, { cause: error }) : error;
      });
      try {
        // With the time that is left, which the peer is told.
        const callOptions = { signal, traceparent, tracestate, baggage, timeoutMs: timeLeft(options, start) };
        if (once !== undefined) return await once.call(reference, callOptions, name, args);
        return await reference.with(callOptions).callRemote(name, ...args);
      } catch (error) {
        // Its timer may be the first.
        if (error instanceof CallTimeoutError && timeoutMs !== undefined) throw notAnswered(name, timeoutMs);
        // The connection was dead or about to close before the call was sent, so the method has not run.
        if (error instanceof DeadReferenceError && !isCurrent()) continue;
        if (once?.isForgotten(error) === true) throw new OutcomeUnknownError(name, { cause: lost ?? error });
        if (!(error instanceof ConnectionLostError)) throw error;
        lost = error;
        const mayRepeat = once === undefined ? idempotent : once.mayRepeat;
        if (mayRepeat && ++losses < MAX_SENDS) continue;
        throw mayRepeat && once?.sends === 0 ? notSent(name, error) : new OutcomeUnknownError(name, { cause: error });
      }
    }
  }
}

/** Milliseconds of a call that are left. */
function timeLeft({ timeoutMs }: ReconnectingCallOptions, start: number): number | undefined {
  return timeoutMs === undefined ? undefined : Math.max(timeoutMs - (performance.now() - start), 0);
}

function notSent(method: string, cause: Error): NotConnectedError {
  return new NotConnectedError(`Each connection ended before ${method} could be sent`, { cause });
}

function notAnswered(method: string, timeoutMs: number): CallTimeoutError {
  return new CallTimeoutError(`${method} was not answered within ${timeoutMs} ms`);
}
