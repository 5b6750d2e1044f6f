// What the peer says about its calls: notes, which arrive before the call, and cancellations.

import { plainState } from "@pb/jelly-types";
import { runningCalls } from "../calls/call-context.js";
import type { CallNote } from "../calls/call-context.js";
import { isTraceparent, isTracestate } from "../calls/trace-context.js";
import { PBError } from "../errors.js";
import type { ArrivingCalls, Responder } from "../engine/responder.js";
import type { ReceivedCall } from "../wire/messages.js";
import { toSeconds } from "./pbx.js";

/** How many notes are kept whose call has not arrived. */
const MOST_NOTES = 64;

export class PeerCalls implements ArrivingCalls {
  readonly #responder: Responder;
  /** While there are any, the responder asks for them. */
  #notes: Map<number, CallNote> | undefined;

  constructor(responder: Responder) {
    this.#responder = responder;
  }

  /** `note` of the peer. */
  note(requestId: unknown, details: unknown): void {
    const id = toId(requestId);
    if (id === undefined || typeof details !== "object" || details === null) {
      this.#responder.ignored++;
      return;
    }
    const notes = (this.#notes ??= new Map<number, CallNote>());
    for (const oldest of notes.keys()) {
      if (notes.size < MOST_NOTES) break;
      notes.delete(oldest);
      this.#responder.ignored++;
    }
    runningCalls.areUsed = true;
    notes.set(id, readNote(details));
    this.#responder.arriving = this;
  }

  /** `cancel` of the peer. */
  cancel(requestId: unknown): void {
    const id = toId(requestId);
    const error = new PBError("The caller has canceled the call");
    if (id === undefined || !this.#responder.cancel(id, error)) this.#responder.ignored++;
  }

  arrive({ requestId }: ReceivedCall): CallNote | undefined {
    if (typeof requestId !== "number") return undefined;
    const note = this.#notes?.get(requestId);
    this.#notes?.delete(requestId);
    if (this.#notes?.size === 0) this.#responder.arriving = undefined;
    return note;
  }
}

/** A request id, however the connection reads integers. */
function toId(value: unknown): number | undefined {
  const id = typeof value === "bigint" ? Number(value) : value;
  return Number.isSafeInteger(id) ? (id as number) : undefined;
}

function readNote(details: object): CallNote {
  const { deadline, traceparent, tracestate } = Object(plainState(details)) as Record<string, unknown>;
  const seconds = toSeconds(deadline);
  const isTraced = isTraceparent(traceparent);
  return {
    deadline: seconds >= 0 && seconds < Infinity ? performance.now() + seconds * 1000 : undefined,
    traceparent: isTraced ? traceparent : undefined,
    tracestate: isTraced && isTracestate(tracestate) ? tracestate : undefined,
  };
}
