// A call of the peer, and what hooks learn about it (`telemetry`).

import type { CallNote } from "../../calls/call-context.js";
import type { Callable } from "../../calls/callable.js";
import type { KeptCall } from "../../calls/kept-call.js";
import type { ArrivedRecord, CallOutcome } from "../../calls/telemetry.js";
import { calledMethod } from "../../flavors/called-method.js";
import { StreamSource } from "../../flavors/stream-source.js";
import type { ReceivedCall } from "../../wire/messages.js";
import type { ConnectionParts } from "../connection-parts.js";

/** A call of the peer, with the record that hooks have of it. */
export interface ArrivedCall extends ReceivedCall {
  /** Undefined if no hook observes the call. */
  record: ArrivedRecord | undefined;
  /** Set when the call starts, if its answer is kept. */
  kept?: KeptCall;
}

/** Gives a call its record, if there are hooks for it. */
export function recordArrival(
  { config, connection, memory }: ConnectionParts,
  call: ArrivedCall,
  callable: Callable | undefined,
  note: CallNote | undefined,
): void {
  const { target, method, wantsAnswer } = call;
  const isInternal = target === "pbx" || callable instanceof StreamSource || (callable === undefined && target === "");
  if (isInternal) return; // What both ends do by themselves.
  call.record = config.hooks?.arrived({ connection, method, wantsAnswer, note, bytes: memory.messageBytes });
}

/** An observed call starts, unless its object is a result that is not known yet. */
export function recordStart({ record, method, command }: ArrivedCall, callable: Callable): void {
  if (record === undefined) return;
  const start = calledMethod(callable, method, command === "cachemessage");
  if (start !== undefined) record.start(start);
}

/** A call has ended without its method having run. */
export function recordUnstarted(
  call: ArrivedCall,
  callable: Callable | undefined,
  outcome: CallOutcome,
  error: unknown,
): void {
  if (call.record === undefined) return;
  if (callable !== undefined) recordStart(call, callable);
  call.record.settle(outcome, error);
}
