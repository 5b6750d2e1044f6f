// What the other end can do beyond Twisted's protocol. It is asked once, at the first use.

import { LimitError, ConnectionLostError } from "../errors.js";
import type { CallDetails, OnceTicket, PeerInstance } from "../references/graph-context.js";
import type { CallExtension } from "../engine/caller.js";
import type { ConnectionCore } from "../engine/connection-core.js";
import { readTraceparent } from "../calls/trace-context.js";
import { featuresOf, instanceOf, PBX } from "./pbx.js";
import type { Feature } from "./pbx.js";

/** Calls of this kind are not counted as calls in flight, and wait neither for a login nor for the end. */
const DETAILS: CallDetails = { perspective: null, keepAlive: undefined, isPing: true };

/** The longest deadline that is announced, in milliseconds: a day. A longer one makes no difference to a method. */
const LONGEST_DEADLINE_MS = 86_400_000;

export class PeerFeatures implements CallExtension {
  readonly #core: ConnectionCore;
  /** Undefined until the peer has answered. */
  #features: ReadonlySet<Feature> | undefined;
  /** Set if the peer keeps the answers of calls that must run once. */
  #instance: PeerInstance | undefined;
  #answer: Promise<ReadonlySet<Feature>> | undefined;
  /** The forms of data that the peer reads. Undefined if it has named none. */
  forms: ReadonlySet<string> | undefined;

  constructor(core: ConnectionCore) {
    this.#core = core;
  }

  peerReads(form: string): boolean {
    return this.forms?.has(form) === true;
  }

  /**
   * What the peer can do: nothing, if it is a stock peer or its answer makes no sense. Rejects when the connection ends
   * first, and with `LimitError` when too many calls wait for an answer.
   */
  ask(): Promise<ReadonlySet<Feature>> {
    this.#answer ??= this.#ask();
    return this.#answer;
  }

  /** Whether the peer has a feature, or may have it: it has not answered yet. Asks it, in the same write. */
  mayHave(feature: Feature): boolean {
    if (this.#features !== undefined) return this.#features.has(feature);
    this.ask().catch(() => undefined); // The connection has ended, or the next use asks again.
    return true;
  }

  /** Calls a method of the peer's `pbx`, which has no answer. */
  send(method: string, ...args: readonly unknown[]): void {
    this.#core.caller.send(PBX, method, args, DETAILS);
  }

  announce(requestId: number, { timeoutMs, traceparent, tracestate, baggage, once }: CallDetails): void {
    const hasDeadline = timeoutMs !== undefined && timeoutMs <= LONGEST_DEADLINE_MS;
    const key = once?.announce();
    if ((!hasDeadline && (traceparent ?? key) === undefined) || !this.mayHave("note")) return;
    const note: Record<string, unknown> = { ...key };
    if (hasDeadline) note.deadline = timeoutMs / 1000;
    if (traceparent !== undefined) note.traceparent = readTraceparent(traceparent);
    if (traceparent !== undefined && tracestate !== undefined) note.tracestate = tracestate;
    if (traceparent !== undefined && baggage !== undefined) note.baggage = baggage;
    this.send("note", requestId, note);
  }

  async prepare(once: OnceTicket): Promise<void> {
    await this.ask();
    once.prepare(this.#instance);
  }

  confirm(key: string): void {
    if (this.#core.connection.isOpen) this.send("forget", key);
  }

  cancel(requestId: number): void {
    if (this.#core.connection.isOpen && this.mayHave("cancel")) this.send("cancel", requestId);
  }

  /** Whether the peer is known to run calls to results that it has not sent. */
  get canPipeline(): boolean {
    return this.#features?.has("expect") === true;
  }

  expect(requestId: number): boolean {
    if (!this.mayHave("expect")) return false;
    this.send("expect", requestId);
    return true;
  }

  forget(requestId: number): void {
    if (this.canPipeline) this.send("forget", requestId);
    else if (this.#features === undefined) void this.#forgetLater(requestId);
  }

  /** The answer to `hello` has arrived with that of the call. */
  async #forgetLater(requestId: number): Promise<void> {
    await this.ask().catch(() => undefined);
    if (this.canPipeline && this.#core.connection.isOpen) this.send("forget", requestId);
  }

  async #ask(): Promise<ReadonlySet<Feature>> {
    try {
      const hello = await this.#core.caller.call(PBX, "hello", [], DETAILS);
      this.#features = featuresOf(hello);
      if (this.#features.has("once") && this.#features.has("note")) this.#instance = instanceOf(hello);
    } catch (error) {
      if (error instanceof LimitError) this.#answer = undefined;
      if (error instanceof LimitError || error instanceof ConnectionLostError) throw error;
      this.#features = new Set();
    }
    return this.#features;
  }
}
