// Calls of the peer: admits them, dispatches them to objects of this end, and answers them.

import type { BananaReader, Expression } from "@pb/banana";
import type { Callable, Perspective } from "../calls/callable.js";
import { isExpected, LimitError, PBError, UnknownCacheError } from "../errors.js";
import { cacheTarget } from "../flavors/cacheable.js";
import { IncomingGraph, OutgoingGraph } from "../references/graph-context.js";
import { releaseUnread } from "../references/release-unread.js";
import { readArguments } from "../wire/arguments.js";
import { Failure, UNKNOWN_ERROR } from "../wire/failure.js";
import type { ReceivedCall } from "../wire/messages.js";
import { containsPromise, resolvePromises } from "../wire/promised-results.js";
import type { ConnectionParts } from "./connection-parts.js";

export class Responder {
  readonly #core: ConnectionParts;
  #running = 0;
  #idleCallbacks: (() => void)[] = [];

  constructor(core: ConnectionParts) {
    this.#core = core;
  }

  /** The number of calls whose result is not known yet. */
  get running(): number {
    return this.#running;
  }

  /** Runs a call. `reader` stands before its arguments. An error of the call is answered, not thrown. */
  receiveCall(call: ReceivedCall, reader: BananaReader): void {
    const callable = this.#find(call);
    const perspective = callable?.perspective ?? null;
    const incoming = new IncomingGraph(this.#core, perspective);
    const start = reader.offset;
    let isRead = false;
    let result: unknown;
    let isPromise: boolean;
    try {
      this.#checkLimit();
      if (callable === undefined)
        throw call.command === "message" ? new PBError("Invalid Object ID") : new UnknownCacheError(call.target);
      const { args, kwargs } = readArguments(reader, this.#core.unjellier, incoming);
      isRead = true;
      result = callable.receiveCall({ method: call.method, args, kwargs });
      isPromise = isThenable(result);
    } catch (error) {
      this.#fail(call, error, perspective);
      if (!isRead) releaseUnread(reader, start, 2, incoming);
      return;
    }
    if (isPromise) this.#answerLater(call, result, perspective);
    else this.#answer(call, result, perspective);
  }

  /** Resolves when no call is running. */
  idle(): Promise<void> {
    return this.#running === 0 ? Promise.resolve() : new Promise((resolve) => this.#idleCallbacks.push(resolve));
  }

  #find({ command, target }: ReceivedCall): Callable | undefined {
    if (command === "message") return this.#core.exports.find(target);
    const cache = typeof target === "number" ? this.#core.imports.caches.get(target) : undefined;
    return cache === undefined ? undefined : cacheTarget(cache);
  }

  #checkLimit(): void {
    const { callsRunning, overload } = this.#core.config.limits;
    if (this.#running < callsRunning) return;
    const error = new LimitError("callsRunning", `Too many calls are running: the limit is ${callsRunning}`);
    if (overload === "close") queueMicrotask(() => this.#core.owner.end("limit", error));
    throw error;
  }

  #answerLater(call: ReceivedCall, result: unknown, perspective: Perspective): void {
    this.#running++;
    // `Promise.resolve`, because the `then` of a foreign promise may throw, and may call back more than once.
    Promise.resolve(result).then(
      (value) => this.#finish(() => this.#answer(call, value, perspective)),
      (error: unknown) => this.#finish(() => this.#fail(call, error, perspective)),
    );
  }

  /** A call that was counted as running has its result. */
  #finish(answer: () => void): void {
    this.#running--;
    if (this.#running === 0 && this.#idleCallbacks.length > 0)
      for (const resolve of this.#idleCallbacks.splice(0)) resolve();
    answer();
    this.#core.owner.regulate();
  }

  /** Sends a result, if the caller wants it. If it cannot be sent, the caller gets an error. */
  #answer(call: ReceivedCall, value: unknown, perspective: Perspective, isResolved = false): void {
    if (!call.wantsAnswer || !this.#isOpen()) {
      this.#watchUnsent(call, value);
      return;
    }
    const { outbox, config } = this.#core;
    const { requestId } = call;
    const graph = new OutgoingGraph(this.#core, perspective, !isResolved);
    try {
      const isWritten = outbox.write({ command: "answer", requestId, value }, graph);
      if (!isWritten) this.#answerWhenResolved(call, value, graph, perspective);
    } catch (error) {
      this.#watchUnsent(call, value);
      if (!this.#isOpen()) return; // A state hook closed the connection.
      config.onEvent({ kind: "answer-failed", error });
      this.#sendError(requestId, error, perspective);
    }
  }

  /** Sends a result that contains promises, when they are resolved. References in `graph` stay counted until then. */
  #answerWhenResolved(call: ReceivedCall, value: unknown, graph: OutgoingGraph, perspective: Perspective): void {
    this.#running++;
    resolvePromises(value).then(
      (resolved) =>
        this.#finish(() => {
          this.#answer(call, resolved, perspective, true);
          graph.rollback();
        }),
      (error: unknown) =>
        this.#finish(() => {
          this.#fail(call, error, perspective);
          graph.rollback();
        }),
    );
  }

  /**
   * Waits for the promises in a result that is not sent. A promise that rejects is a method that failed; unobserved, it
   * would end the process.
   */
  #watchUnsent({ method }: ReceivedCall, value: unknown): void {
    if (!containsPromise(value)) return;
    this.#running++;
    resolvePromises(value).then(
      () => this.#finish(() => undefined),
      (error: unknown) => this.#finish(() => this.#report(method, error)),
    );
  }

  #fail({ method, requestId, wantsAnswer }: ReceivedCall, error: unknown, perspective: Perspective): void {
    this.#report(method, error);
    if (wantsAnswer) this.#sendError(requestId, error, perspective);
  }

  #report(method: string, error: unknown): void {
    if (!isExpected(error)) this.#core.config.onEvent({ kind: "method-failed", method, error });
  }

  /**
   * Sends an error: as an instance of its class if that class is registered, else as its description, and if that
   * cannot be sent either, as an error without details, so that the caller always gets an answer.
   */
  #sendError(requestId: Expression, error: unknown, perspective: Perspective): void {
    if (!this.#isOpen()) return;
    const { outbox, config, owner } = this.#core;
    const write = (value: unknown): boolean =>
      outbox.write({ command: "error", requestId, value }, new OutgoingGraph(this.#core, perspective));
    if (attempt(() => error instanceof Error && config.types.writing(error) !== undefined && write(error))) return;
    if (attempt(() => write(new Failure(config.describeError(error))))) return;
    try {
      write(new Failure(UNKNOWN_ERROR));
    } catch (cause) {
      // The request id alone fills a message. Without an answer, the caller would wait forever.
      owner.end("limit", cause as Error);
    }
  }

  #isOpen(): boolean {
    return this.#core.connection.isOpen;
  }
}

/** Runs `action` and returns its result, or false when it throws. */
function attempt(action: () => boolean): boolean {
  try {
    return action();
  } catch {
    return false;
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
