// The methods that run for calls of the peer: their contexts (`callContext`), and what cancels them.

import type { Expression } from "@pb/banana";
import { enterContext, IncomingContext, runningCalls } from "../../calls/call-context.js";
import type { CallNote } from "../../calls/call-context.js";
import type { Callable, Connection, IncomingCall } from "../../calls/callable.js";
import type { RunningContext } from "../../calls/kept-call.js";
import { calledMethod } from "../../flavors/called-method.js";
import { cancelNext } from "../../flavors/stream-source.js";
import type { ArrivedCall } from "./arrived-call.js";
import { recordStart } from "./arrived-call.js";

export class RunningMethods {
  readonly #connection: Connection;
  /** The object whose method has been called and has not returned, and what the peer has said about that call. */
  callee: Callable | undefined;
  note: CallNote | undefined;
  /** The context of that call. Undefined until something needs it. */
  current: IncomingContext | undefined;
  /** The contexts of running calls by request id. Created with the first one: most programs do not ask for contexts. */
  #contexts: Map<unknown, RunningContext> | undefined;
  /** Calls for items of streams that wait, by request id. */
  #pulls: Map<unknown, object> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The context of the call whose method has been called and has not returned. */
  context(): IncomingContext {
    if (this.current === undefined) {
      this.current = new IncomingContext(this.#connection, this.callee?.perspective ?? null, this.note);
      enterContext(this.current);
    }
    return this.current;
  }

  /** Runs the method of a call that has waited, in its context. */
  resume(context: IncomingContext, target: Callable, incoming: IncomingCall): unknown {
    const outer = runningCalls.runner;
    const { callee, current } = this;
    runningCalls.runner = this;
    this.callee = target;
    this.current = context;
    const { record } = context;
    record?.start(calledMethod(target, incoming.method) ?? {});
    record?.trace(context);
    const run = (given: IncomingCall): unknown => this.runInContext(target, given);
    try {
      const { Scope } = runningCalls;
      return Scope === undefined ? run(incoming) : new Scope("pb.call").runInAsyncScope(run, target, incoming);
    } finally {
      runningCalls.runner = outer;
      this.callee = callee;
      this.current = current;
    }
  }

  runInContext(callable: Callable, incoming: IncomingCall): unknown {
    const context = this.context();
    enterContext(context);
    if (context.record === undefined) return callable.receiveCall(incoming);
    return context.record.runMethod(() => callable.receiveCall(incoming));
  }

  /** The method of an observed call runs now, or is told to wait for the result that it belongs to. */
  enterRecord(call: ArrivedCall, callable: Callable): void {
    const { record } = call;
    if (record === undefined) return;
    const context = this.context();
    record.context = context;
    context.record = record;
    recordStart(call, callable);
    record.trace(context);
  }

  /**
   * A method has returned. Keeps its context while the call runs on. Returns it, or undefined when the call has
   * finished.
   */
  leave(requestId: Expression, runsOn: boolean): IncomingContext | undefined {
    const context = this.current!;
    this.current = undefined;
    if (!runsOn) {
      context.finish();
      return undefined;
    }
    this.#contexts ??= new Map();
    // A peer may use an id twice.
    this.#contexts.set(this.#contexts.has(requestId) ? context : requestId, context);
    return context;
  }

  /** A call that ran on has its result. */
  finish(requestId: Expression, context: IncomingContext): void {
    context.finish();
    const key = this.#contexts?.get(requestId) === context ? requestId : context;
    this.#contexts?.delete(key);
  }

  /** A call waits for the answer of an earlier arrival: to cancel it is to cancel the method that runs for both. */
  addRepeat(requestId: Expression, context: RunningContext): void {
    this.#contexts ??= new Map();
    // The signal of another call with this id must still abort when the connection ends.
    if (!this.#contexts.has(requestId)) this.#contexts.set(requestId, context);
  }

  deleteRepeat(requestId: Expression, context: RunningContext): void {
    if (this.#contexts?.get(requestId) === context) this.#contexts.delete(requestId);
  }

  /** A call waits for items of a stream. `result` is the promise for them. */
  addPull(requestId: Expression, result: object): void {
    (this.#pulls ??= new Map()).set(requestId, result);
  }

  deletePull(requestId: Expression): void {
    this.#pulls?.delete(requestId);
  }

  /** Aborts the signal of a call. Returns undefined if none with this id runs, and false if it has finished. */
  cancel(requestId: number, reason: Error): boolean | undefined {
    const pull = this.#pulls?.get(requestId);
    if (pull !== undefined) return cancelNext(pull);
    const context = this.#contexts?.get(requestId);
    if (context === undefined) return undefined;
    context.abort(reason);
    return true;
  }

  /** The connection has ended: the signals of the running calls abort, except of those whose answers are kept. */
  end(reason: Error): void {
    const contexts = [...(this.#contexts?.values() ?? [])];
    this.#contexts = undefined;
    this.current?.abort(reason); // Its method has ended the connection.
    for (const context of contexts) if (!context.isKept) context.abort(reason);
  }
}
