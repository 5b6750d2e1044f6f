// Calls that run once and arrive again (`once`): they get the answer of their first arrival, when there is one.

import { dispose } from "@pb/banana";
import type { Callable } from "../../calls/callable.js";
import type { KeptCall, OnceNote } from "../../calls/kept-call.js";
import type { ConnectionParts } from "../connection-parts.js";
import type { Answers } from "./answers.js";
import { recordStart } from "./arrived-call.js";
import type { ArrivedCall } from "./arrived-call.js";
import type { OpenCalls } from "./open-calls.js";
import type { RunningMethods } from "./running-methods.js";

export class RepeatedCalls {
  readonly #core: ConnectionParts;
  readonly #open: OpenCalls;
  readonly #methods: RunningMethods;
  readonly #answers: Answers;
  /** The calls that wait for the answer of an earlier arrival, and the memory of each. */
  readonly #waiting = new Map<Disposable, number>();

  constructor(core: ConnectionParts, open: OpenCalls, methods: RunningMethods, answers: Answers) {
    this.#core = core;
    this.#open = open;
    this.#methods = methods;
    this.#answers = answers;
  }

  /** Whether a call that must run once runs now. Otherwise it gets the answer of its first run, or an error. */
  startsNow(call: ArrivedCall, callable: Callable, memory: number, once: OnceNote): boolean {
    try {
      const kept = once.arrive(call.method);
      if (kept.isNew) {
        call.kept = kept;
        return true;
      }
      this.#wait(call, callable, memory, kept);
    } catch (error) {
      this.#answers.fail(call, error, callable.perspective);
    }
    return false;
  }

  /** Sends the answer of a call that has run, or runs, for an earlier arrival. */
  #wait(call: ArrivedCall, callable: Callable, memory: number, kept: KeptCall): void {
    const { requestId } = call;
    const { context } = kept;
    this.#open.start(memory);
    if (context !== undefined) this.#methods.addRepeat(requestId, context);
    recordStart(call, callable);
    const subscription = kept.whenAnswered((answer) => {
      this.#waiting.delete(subscription);
      if (context !== undefined) this.#methods.deleteRepeat(requestId, context);
      this.#open.finish(() => this.#answers.answerAgain(call, answer, callable.perspective), memory);
    });
    this.#waiting.set(subscription, memory);
  }

  /** The connection has ended: these calls get no answers. */
  end(): void {
    for (const [subscription, memory] of this.#waiting) {
      subscription[dispose]();
      this.#core.memory.finishCall(memory);
    }
    this.#waiting.clear();
  }
}
