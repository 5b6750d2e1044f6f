// Logs in a stream: one subject each. Here is the fence that keeps a log consistent while two nodes believe to be home.
//
// Each record has in its header Pb-After the number of the last record that its writer had read. A record is void if
// there is a valid record between that number and its own: its writer did not know that record. Readers leave void
// records out. Whether a record is void depends only on the records before it, so that all readers agree, and a record
// of a home that was replaced is void whatever leases, clocks and the server say.
//
// The server refuses such a record if it can (Nats-Expected-Last-Subject-Sequence). A stream on one server always can.
// A replicated one checks before the servers agree on the order, so that two writers can both pass: nats-server before
// 2.9.21 at any time (its issue 4320), later ones when the leader changes (its issue 8469).

import { headers as newHeaders } from "@nats-io/transport-node";
import type { MsgHdrs } from "@nats-io/transport-node";
import { EngineError, LogMovedError } from "../errors.js";
import { engineError, isWrongLastSequence } from "./nats-errors.js";
import type { StoredMessage } from "./reader.js";
import type { NatsSession } from "./session.js";

const AFTER = "Pb-After";
/** How often an append that void records stand before is repeated. They come from writers that were replaced. */
const ATTEMPTS = 20;

/** Leaves out the void records of one log. */
export class VoidFilter {
  #valid: number;

  /** `valid`: the number of the last valid record so far. */
  constructor(valid = 0) {
    this.#valid = valid;
  }

  /** Whether the next record of the log is valid. */
  admits({ number, headers }: Pick<StoredMessage, "number" | "headers">): boolean {
    const after = headers?.get(AFTER) ?? "";
    if (after === "" || !(Number(after) >= this.#valid)) return false;
    this.#valid = number;
    return true;
  }
}

/** See `ClusterEngine.append`. */
export async function append(
  session: NatsSession,
  log: string,
  record: Uint8Array,
  after: number,
  replace: boolean,
): Promise<number> {
  const subject = session.subject("log", log);
  let expected = after;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    session.requireConnected();
    const number = await publish(session, subject, record, expected);
    const { hasValid, last } =
      number !== undefined && session.replicas === 1
        ? { hasValid: false, last: expected }
        : await recordsBetween(session, subject, after, number);
    if (hasValid || (number === undefined && last === expected)) throw new LogMovedError(log, after);
    if (number !== undefined) {
      session.saw(number);
      if (replace) await dropBefore(session, subject, number);
      return number;
    }
    expected = last;
  }
  throw new EngineError("ENGINE_AWAY", `Other writers append to the log ${log} all the time`);
}

/** The number of the record, or undefined if the server has refused it because the log has a later one. */
async function publish(
  session: NatsSession,
  subject: string,
  record: Uint8Array,
  expected: number,
): Promise<number | undefined> {
  const headers: MsgHdrs = newHeaders();
  headers.set(AFTER, String(expected));
  try {
    const expect = { streamName: session.stream, lastSubjectSequence: expected };
    return (await session.js.publish(subject, record, { headers, expect })).seq;
  } catch (error) {
    if (isWrongLastSequence(error)) return undefined;
    throw engineError(error, "append a record");
  }
}

/** Reads the records after `after`, up to the one with the number `end`, which is left out. */
async function recordsBetween(
  session: NatsSession,
  subject: string,
  after: number,
  end: number | undefined,
): Promise<{ hasValid: boolean; last: number }> {
  const filter = new VoidFilter(after);
  let last = after;
  try {
    while (true) {
      const query = { seq: last + 1, next_by_subj: subject };
      const message = await session.jsm.streams.getMessage(session.stream, query);
      if (message === null && end !== undefined) throw new Error(`The record ${end} is missing`);
      if (message === null || message.seq === end) return { hasValid: false, last };
      if (filter.admits({ number: message.seq, headers: message.header })) return { hasValid: true, last };
      last = message.seq;
    }
  } catch (error) {
    throw engineError(error, "read a log");
  }
}

/** Drops the records before a valid one that replaces them. If that fails, the next one that replaces drops them. */
async function dropBefore({ jsm, stream }: NatsSession, subject: string, number: number): Promise<void> {
  await jsm.streams.purge(stream, { filter: subject, seq: number }).catch(() => undefined);
}
