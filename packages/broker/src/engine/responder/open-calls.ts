// The calls of a connection that have arrived and are not answered: the number that run, and those that wait to start.

import type { Expression } from "@pb/banana";
import type { CallNote } from "../../calls/call-context.js";
import type { Callable } from "../../calls/callable.js";
import { Fifo } from "../../fifo.js";
import type { CallArguments } from "../../wire/arguments.js";
import type { ConnectionParts } from "../connection-parts.js";
import type { ArrivedCall } from "./arrived-call.js";

/** A call whose arguments are read, and which waits until others have finished. */
export interface HeldCall {
  readonly call: ArrivedCall;
  readonly callable: Callable;
  readonly args: CallArguments;
  /** The size of its arguments on the wire. */
  readonly bytes: number;
  /** The memory of its message. */
  readonly memory: number;
  readonly note: CallNote | undefined;
}

/** What a held call costs at least, in bytes: a call without arguments takes memory too. */
const HELD_CALL_BYTES = 64;

export class OpenCalls {
  readonly #core: ConnectionParts;
  /** Created with the first call that is held: few connections ever hold one. */
  #held: Fifo<HeldCall> | undefined;
  /** Request ids of held calls that do not run, because the peer has canceled them. */
  #canceled: Set<number> | undefined;
  #idleCallbacks: (() => void)[] | undefined;
  /** Bytes of the held calls. */
  heldBytes = 0;
  /** The number of calls whose result is not known yet. */
  running = 0;
  /** Whether the arguments of a call are being read with pauses. */
  isReading = false;

  constructor(core: ConnectionParts) {
    this.#core = core;
  }

  /** The number of calls that have arrived and have not started. */
  get held(): number {
    return this.#heldCount + (this.isReading ? 1 : 0);
  }

  get #heldCount(): number {
    return this.#held === undefined ? 0 : this.#held.size;
  }

  hold(held: HeldCall): void {
    (this.#held ??= new Fifo()).add(held);
    this.#core.memory.holdCall(held.memory);
    this.heldBytes += held.bytes + HELD_CALL_BYTES;
  }

  /** Takes the oldest held call. */
  takeHeld(): HeldCall | undefined {
    const held = this.#held?.take();
    if (held === undefined) return undefined;
    this.heldBytes -= held.bytes + HELD_CALL_BYTES;
    this.#core.memory.releaseCall(held.memory);
    return held;
  }

  /** Notes that the peer has canceled a call that may be held. Returns false if there are not so many held calls. */
  cancelHeld(requestId: number): boolean {
    if ((this.#canceled?.size ?? 0) >= this.#heldCount) return false;
    (this.#canceled ??= new Set()).add(requestId);
    return true;
  }

  /** Whether the peer has canceled this call, which was held until now. */
  takeCanceled(requestId: Expression): boolean {
    if (this.#canceled === undefined) return false;
    const isCanceled = this.#canceled.delete(requestId as number);
    if (this.#heldCount === 0) this.#canceled = undefined; // The others were not held.
    return isCanceled;
  }

  /** A call runs on after its method has returned. `memory` is that of its message. */
  start(memory: number): void {
    this.running++;
    this.#core.memory.startCall(memory);
  }

  /** A call that was counted as running has its result, which `answer` sends. */
  finish(answer: () => void, memory?: number): void {
    if (memory !== undefined) this.#core.memory.finishCall(memory);
    if (this.running > 0) this.running--; // Zero after the end of the connection.
    this.notifyIfIdle();
    answer();
    this.#core.owner.regulate();
  }

  /** Resolves when no call is running or held, or when the connection has ended. */
  idle(): Promise<void> {
    if (this.running + this.held === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#idleCallbacks ??= []).push(resolve));
  }

  notifyIfIdle(): void {
    const callbacks = this.#idleCallbacks;
    if (callbacks === undefined || this.running + this.held > 0) return;
    this.#idleCallbacks = undefined;
    for (const resolve of callbacks) resolve();
  }

  /** The connection has ended. Returns the calls that were held. */
  end(): HeldCall[] {
    const dropped: HeldCall[] = [];
    for (let held = this.#held?.take(); held !== undefined; held = this.#held?.take()) dropped.push(held);
    this.#canceled = undefined;
    this.isReading = false;
    this.heldBytes = 0;
    this.running = 0;
    this.notifyIfIdle();
    return dropped;
  }
}
