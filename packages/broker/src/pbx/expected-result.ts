// The result of a call of the peer that the peer calls before it knows it: the object `pbx:<request id>`.

import { ResultTarget } from "../flavors/called-method.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import { runningCalls } from "../calls/call-context.js";
import type { IncomingContext } from "../calls/call-context.js";
import type { Callable, IncomingCall, Perspective } from "../calls/callable.js";
import { PBError } from "../errors.js";
import { partsOf } from "../references/mentioned-caches.js";

/** Runs a method of a call that has waited. */
export interface WaitingRunner {
  resume(context: IncomingContext, target: Callable, call: IncomingCall): unknown;
}

interface WaitingCall {
  /** Runs the call, or rejects it. */
  settle(target: Callable | undefined, error: Error | undefined): void;
}

export class ExpectedResult extends ResultTarget {
  readonly #runner: WaitingRunner;
  #target: Callable | undefined;
  #error: Error | undefined;
  #waiting: WaitingCall[] = [];
  /** The perspective of the object that the call was made to: that of its result, unless it is a login. */
  #expectedPerspective: Perspective = null;
  /** Whether the call has arrived whose result this is. */
  hasArrived = false;
  /** Whether the peer makes no further calls to it. */
  isForgotten = false;

  constructor(runner: WaitingRunner) {
    super();
    this.#runner = runner;
  }

  override get target(): Callable | undefined {
    return this.#target;
  }

  get isSettled(): boolean {
    return this.#target !== undefined || this.#error !== undefined;
  }

  override get perspective(): Perspective {
    return this.#target === undefined ? this.#expectedPerspective : this.#target.perspective;
  }

  override get home(): object {
    return this.#target?.home ?? this;
  }

  /** The call whose result this is has arrived, for an object with this perspective. */
  arrive(perspective: Perspective): void {
    this.hasArrived = true;
    this.#expectedPerspective = perspective;
  }

  /** The call has its result. Runs the calls that wait, in their order. */
  resolve(target: Callable): void {
    if (this.isSettled) return;
    this.#target = target;
    for (const call of this.#waiting.splice(0)) call.settle(target, undefined);
  }

  /** The call has failed, or its result cannot be called. */
  fail(error: Error): void {
    if (this.isSettled) return;
    this.#error = error;
    for (const call of this.#waiting.splice(0)) call.settle(undefined, error);
  }

  override receiveCall(call: IncomingCall): unknown {
    if (this.#target !== undefined) return this.#target.receiveCall(call);
    if (this.#error !== undefined) throw this.#error;
    const context = runningCalls.runner!.context();
    const readFor = this.#expectedPerspective;
    return new Promise((resolve, reject) => {
      context.onAbort = reject; // It does not start anymore.
      context.startDeadline();
      const settle = (target: Callable | undefined, error: Error | undefined): void => {
        context.onAbort = undefined;
        if (context.reason !== undefined) return;
        if (target === undefined) reject(error!);
        else if (target.perspective !== readFor && containsReference(call.args)) reject(otherPerspective());
        else resolve(this.#run(context, target, call));
      };
      this.#waiting.push({ settle });
    });
  }

  async #run(context: IncomingContext, target: Callable, call: IncomingCall): Promise<unknown> {
    context.perspective = target.perspective;
    return this.#runner.resume(context, target, call);
  }
}

function otherPerspective(): PBError {
  const text = "The arguments contain references, and the result of the call belongs to another perspective";
  return new PBError(`${text}: call it when the first call is answered`);
}

/** Runs no code of the program. */
function containsReference(values: readonly unknown[]): boolean {
  const seen = new Set<object>();
  const left: unknown[] = [...values];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    if (value instanceof RemoteReference) return true;
    seen.add(value);
    for (const part of partsOf(value)) left.push(part);
  }
  return false;
}
