// Calls the home of a live object: in this process, or over the connection to its node.

import { CallTimeoutError, RemoteError } from "@pb/broker";
import type { CallOptions, Reference } from "@pb/broker";
import { after, RemoteCaller, withDeadline } from "@pb/broker/extension";
import type { Timer } from "@pb/broker/extension";
import { NotConnectedError, OutcomeUnknownError } from "@pb/transport";
import { NoHomeError } from "../errors.js";
import type { LiveLog } from "../log/live-log.js";
import { callName } from "./node-avatar.js";
import type { Node } from "./node.js";

/** How long an old home may take to answer a call after another node has become home. It may be frozen. */
const MOVED_MS = 2_000;

/** Before a call that waits for a home is tried again. */
const REPEAT_MS = 100;

export class HomeCalls {
  readonly #node: Node;
  readonly #name: string;
  readonly #log: LiveLog;
  readonly #local: () => Reference | undefined;

  /** `local` returns the methods while this node is home. */
  constructor(node: Node, name: string, log: LiveLog, local: () => Reference | undefined) {
    this.#node = node;
    this.#name = name;
    this.#log = log;
    this.#local = local;
  }

  async call(method: string, args: readonly unknown[], given: CallOptions, once: boolean): Promise<unknown> {
    // What else is inherited is no option of a caller.
    const { signal: canceled, timeoutMs, traceparent, tracestate, baggage } = RemoteCaller.inherit(given);
    const options = { signal: canceled, timeoutMs, traceparent, tracestate, baggage };
    const start = performance.now();
    let cause: NoHomeError | undefined;
    const timeout = (ms: number): Error =>
      new CallTimeoutError(`${callName(this.#name, method)} was not answered within ${ms} ms`, cause && { cause });
    return withDeadline(options, timeout, async (signal) => {
      for (;;) {
        this.#node.signal.throwIfAborted();
        const { epoch } = this.#log;
        try {
          return await this.#callOnce(method, args, { ...timeLeft(options, start), signal }, once);
        } catch (error) {
          if (!once || !(error instanceof NoHomeError)) throw error;
          cause = error;
          // The method has not run. Soon there is a new home, or the old one can be reached again.
          const isNew = (): boolean => this.#log.epoch !== epoch || this.#local() !== undefined;
          const again = (): Error => error;
          const waiting = { signal, timeoutMs: REPEAT_MS };
          await withDeadline(waiting, again, (stop) => this.#log.until(isNew, stop)).catch(() => undefined);
          signal.throwIfAborted();
        }
      }
    });
  }

  async #callOnce(method: string, args: readonly unknown[], options: CallOptions, once: boolean): Promise<unknown> {
    const local = this.#local();
    if (local !== undefined)
      return local
        .with(options)
        .callRemote(method, ...args)
        .catch(asNoHome);
    const { home, epoch } = this.#log;
    if (home === undefined || home.run === this.#node.identity.run)
      throw new NoHomeError(`${this.#name} has no home at the moment`);
    const moved = this.#untilMoved(epoch, options.signal!);
    try {
      const client = await this.#node.peers.ready(home, once, moved.signal).catch((error: unknown) => {
        if (moved.signal.aborted && !options.signal!.aborted)
          throw new NoHomeError(`The home of ${this.#name} has changed`);
        throw error;
      });
      const caller = client.with({ ...options, once, whileDown: "wait", signal: moved.signal });
      const answer: unknown = await caller.callRemote(
        callName(this.#name, method) as "call",
        this.#name,
        epoch,
        method,
        ...args,
      );
      const [revision, result] = answer as [number, unknown];
      await this.#log.until(() => this.#log.revision >= revision || this.#node.signal.aborted, options.signal!);
      return result;
    } catch (error) {
      if (moved.signal.aborted && error === moved.signal.reason && !options.signal!.aborted)
        throw new OutcomeUnknownError(method, { cause: error });
      return asNoHome(error);
    } finally {
      moved.end();
    }
  }

  /** A signal that aborts some time after another node has become home, and when the call is over. */
  #untilMoved(epoch: number, signal: AbortSignal): { readonly signal: AbortSignal; end(): void } {
    const moved = new AbortController();
    const abort = (): void => moved.abort(signal.reason);
    let timer: Timer | undefined;
    const unsubscribe = this.#log.onChange(() => {
      if (this.#log.epoch === epoch) return;
      unsubscribe();
      timer = after(MOVED_MS, () => moved.abort(new NoHomeError("Another node has become home")));
    });
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    const end = (): void => {
      unsubscribe();
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    };
    return { signal: moved.signal, end };
  }
}

/** The milliseconds that a call has left. */
function timeLeft(options: CallOptions, start: number): CallOptions {
  if (options.timeoutMs === undefined) return options;
  return { ...options, timeoutMs: Math.max(Math.ceil(options.timeoutMs - (performance.now() - start)), 0) };
}

/** Rethrows an error of a home: its refusal is one of this package. */
function asNoHome(error: unknown): never {
  if (error instanceof RemoteError && error.is(NoHomeError.remoteType))
    throw new NoHomeError(error.message, { cause: error });
  if (error instanceof NotConnectedError)
    throw new NoHomeError(`The home cannot be reached: ${error.message}`, { cause: error });
  throw error;
}
