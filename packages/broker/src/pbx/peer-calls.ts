// What the peer says about its calls: notes and expectations, which arrive before the call, and cancellations.

import type { Expression } from "@pb/banana";
import { plainState } from "@pb/jelly-types";
import { runningCalls } from "../calls/call-context.js";
import type { CallNote } from "../calls/call-context.js";
import type { Callable, Perspective } from "../calls/callable.js";
import { canceledByCaller, DependencyFailed, NotAReference, NotExpected } from "../calls/extension-errors.js";
import { isBaggage, isTracestate, readTraceparent } from "../calls/trace-context.js";
import type { BrokerConfig } from "../engine/config.js";
import type { ConnectionCore } from "../engine/connection-core.js";
import type { ExpectedResults } from "../engine/responder/answers.js";
import type { ArrivingCalls } from "../engine/responder/responder.js";
import { ViewPoint, Viewable } from "../flavors/perspective.js";
import type { OutgoingGraph } from "../references/graph-context.js";
import type { ReceivedCall } from "../wire/messages.js";
import { ExpectedResult } from "./expected-result.js";
import { KeptAnswers } from "./kept-answers.js";
import { PBX, toSeconds } from "./pbx.js";
import type { Published } from "./published.js";

/** How many notes, and how many expectations, are kept whose call has not arrived. */
const MOST_AHEAD = 64;

export class PeerCalls implements ArrivingCalls, ExpectedResults {
  readonly #core: ConnectionCore;
  readonly #published: Published;
  /** Notes whose call has not arrived. While there are any, the responder asks for them. */
  readonly #notes = new Map<number, CallNote>();
  /** The results that the peer may call, by the ids of their calls. */
  readonly #results = new Map<number, ExpectedResult>();
  /** Expectations whose call has not arrived. */
  #resultsAhead = 0;

  readonly #answers: KeptAnswers;
  /** The users who have logged in over this connection, as text. */
  readonly #user: () => string;

  constructor(core: ConnectionCore, published: Published, user: () => string) {
    this.#core = core;
    this.#published = published;
    this.#answers = KeptAnswers.of(core.config);
    this.#user = user;
  }

  /** Called for each connection, whether its peer uses this or not. */
  static forgetOld(config: BrokerConfig): void {
    KeptAnswers.of(config).forgetOld();
  }

  // Messages of the peer

  describe(): object | undefined {
    return this.#answers.isEnabled ? this.#answers.describe() : undefined;
  }

  note(requestId: unknown, details: unknown): void {
    const id = toId(requestId);
    if (id === undefined || typeof details !== "object" || details === null) {
      this.#ignore();
      return;
    }
    for (const oldest of this.#notes.keys()) {
      if (this.#notes.size < MOST_AHEAD) break;
      this.#notes.delete(oldest);
      this.#ignore();
    }
    runningCalls.areUsed = true;
    this.#notes.set(id, this.#readNote(details));
    this.#core.responder.arriving = this;
  }

  cancel(requestId: unknown): void {
    const id = toId(requestId);
    if (id === undefined || !this.#core.responder.cancel(id, canceledByCaller())) this.#ignore();
  }

  expect(requestId: unknown): void {
    const id = toId(requestId);
    const { references } = this.#core.config.limits;
    const isTooMuch = this.#results.size >= references || this.#resultsAhead >= MOST_AHEAD;
    if (id === undefined || isTooMuch || this.#results.has(id)) {
      this.#ignore();
      return;
    }
    const result = new ExpectedResult(this.#core.responder);
    this.#results.set(id, result);
    this.#resultsAhead++;
    this.#core.responder.arriving = this;
    this.#core.responder.expected = this;
  }

  forget(requestId: unknown): void {
    if (typeof requestId === "string") {
      if (!this.#answers.release(this.#user(), requestId)) this.#ignore();
      return;
    }
    const id = toId(requestId);
    const result = id === undefined ? undefined : this.#results.get(id);
    const hadNote = id !== undefined && this.#notes.delete(id);
    if (id === undefined || (result === undefined && !hadNote)) {
      this.#ignore();
      return;
    }
    this.#published.delete(`${PBX}:${id}`);
    if (result === undefined) return;
    result.isForgotten = true;
    if (result.hasArrived && !result.isSettled) return; // Calls that have arrived wait for it.
    if (!result.hasArrived) this.#resultsAhead--;
    this.#remove(id);
  }

  // Calls of the peer

  arrive({ requestId, wantsAnswer }: ReceivedCall, perspective: Perspective): CallNote | undefined {
    if (typeof requestId !== "number") return undefined;
    const note = this.#notes.get(requestId);
    if (note !== undefined) this.#notes.delete(requestId);
    const result = this.#results.get(requestId);
    if (result !== undefined && !result.hasArrived) {
      this.#resultsAhead--;
      result.arrive(perspective);
      this.#published.set(`${PBX}:${requestId}`, result);
      if (!wantsAnswer) result.fail(new NotExpected());
    }
    if (this.#notes.size === 0 && this.#resultsAhead === 0) this.#core.responder.arriving = undefined;
    return note;
  }

  answered(requestId: Expression, value: unknown, graph: OutgoingGraph): void {
    this.#settle(requestId, (result) => {
      const target = this.#targetOf(value, graph);
      if (target === undefined) result.fail(new NotAReference());
      else result.resolve(target);
    });
  }

  failed(requestId: Expression, error: unknown): void {
    this.#settle(requestId, (result) => {
      // A call refused for this reason has not run: it can be made again, and so can the calls that depend on it.
      const isUnknown = error instanceof NotExpected;
      result.fail(isUnknown ? error : new DependencyFailed(this.#core.config.describeError(error).message));
    });
  }

  end(reason: Error): void {
    for (const [id, result] of [...this.#results]) {
      result.fail(reason);
      this.#remove(id);
    }
  }

  #settle(requestId: Expression, settle: (result: ExpectedResult) => void): void {
    const result = typeof requestId === "number" ? this.#results.get(requestId) : undefined;
    if (result?.hasArrived !== true) return;
    if (result.isForgotten) this.#remove(requestId as number);
    settle(result);
  }

  #remove(id: number): void {
    this.#results.delete(id);
    this.#published.delete(`${PBX}:${id}`);
    if (this.#results.size === 0) this.#core.responder.expected = undefined;
  }

  /** The object as which a result was sent. */
  #targetOf(value: unknown, { onlyReference }: OutgoingGraph): Callable | undefined {
    const { exports } = this.#core;
    if (onlyReference === undefined) return undefined;
    if (!(value instanceof Viewable)) return exports.targetOf(value, onlyReference);
    const target = exports.find(onlyReference);
    return target instanceof ViewPoint && target.object === value ? target : undefined;
  }

  #readNote(details: object): CallNote {
    const { deadline, tracestate, baggage, key, since, ...note } = Object(plainState(details)) as Record<
      string,
      unknown
    >;
    const seconds = toSeconds(deadline);
    const traceparent = readTraceparent(note.traceparent);
    const isOnce = key !== undefined && this.#answers.isEnabled;
    return {
      deadline: seconds >= 0 && seconds < Infinity ? performance.now() + seconds * 1000 : undefined,
      traceparent,
      tracestate: traceparent !== undefined && isTracestate(tracestate) ? tracestate : undefined,
      baggage: traceparent !== undefined && isBaggage(baggage) ? baggage : undefined,
      once: isOnce ? this.#answers.noteOf(this.#user, key, toSeconds(since)) : undefined,
    };
  }

  #ignore(): void {
    this.#core.responder.ignored++;
  }
}

/** A request id, however the connection reads integers. */
function toId(value: unknown): number | undefined {
  const id = typeof value === "bigint" ? Number(value) : value;
  return Number.isSafeInteger(id) ? (id as number) : undefined;
}
