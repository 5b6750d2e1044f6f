// Replays sessions recorded between two Twisted programs: a broker takes one side, and the recording supplies the
// messages of the other.

import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { decode, inspect, none, pb } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { Broker, ConnectionLostError, RemoteError } from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { Tuple } from "@pb/jelly-types";
import { linkPair } from "@pb/broker/testing";
import type { MemoryLink } from "@pb/broker/testing";
import { pinReceivedValues } from "../../../../tools/gc/pin-received-values.js";
import { RawPeer, settled } from "./raw-peer.js";

export type Side = "server" | "client";

interface Entry {
  readonly direction: "s2c" | "c2s";
  readonly hex: string;
  readonly injected: boolean;
}

type TranscriptEvent =
  | { readonly event: "mark"; readonly after: number; readonly label: string; readonly value: unknown }
  | { readonly event: "exception-in-dataReceived"; readonly after: number; readonly side: Side };

export interface Transcript {
  readonly name: string;
  readonly description: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly outcome: unknown;
  readonly entries: readonly Entry[];
  readonly events: readonly TranscriptEvent[];
}

export const transcripts: readonly Transcript[] = readCases<Transcript>("pb-transcripts.json");

export function readCases<Case>(file: string): Case[] {
  const text = readFileSync(new URL(`../vectors/${file}`, import.meta.url), "utf8");
  return (JSON.parse(text) as { cases: Case[] }).cases;
}

/** The message at `index` of a session, decoded. */
export function messageAt({ name, entries }: Transcript, index: number): Expression {
  const entry = entries[index];
  if (entry === undefined) throw new Error(`${name} has no message ${index}`);
  return decode(Buffer.from(entry.hex, "hex"), { dialect: dialectOf(entries) });
}

/** An intended difference between the broker and the recorded Twisted program. */
export interface Deviation {
  /** The index of the message that differs, is missing, or after which Twisted closes the connection. */
  readonly message: number;
  /** What the broker sends instead. Undefined when it sends nothing. */
  readonly sends?: RegExp;
  /** Set when Twisted closes the connection here and the broker does not. */
  readonly staysOpen?: true;
  readonly why: string;
}

export interface ReplayPlan {
  readonly options?: BrokerOptions | undefined;
  /** Actions of the broker's side, by the index of the message they precede. */
  readonly before?: Readonly<Record<number, () => unknown>>;
  /** Checks of the facts that the recording notes about the broker's side, by label. */
  readonly marks?: Readonly<Record<string, (noted: never, broker: Broker) => void>>;
  readonly deviations?: readonly Deviation[] | undefined;
}

/** The progress of a replay. */
export class Replay {
  readonly transcript: Transcript;
  readonly link: MemoryLink;
  readonly peer: RawPeer;
  broker!: Broker;
  #index = 0;
  #waiting: { index: number; resolve: () => void }[] = [];

  constructor(transcript: Transcript, link: MemoryLink, peer: RawPeer) {
    this.transcript = transcript;
    this.link = link;
    this.peer = peer;
  }

  /** Resolves before the message `index` is sent. */
  reached(index: number): Promise<void> {
    if (index <= this.#index) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ index, resolve }));
  }

  /** Resolves after the last message was sent. */
  ended(): Promise<void> {
    return this.reached(Infinity);
  }

  async advance(index: number): Promise<void> {
    this.#index = index;
    for (const { resolve, index: wanted } of this.#waiting) if (wanted <= index) resolve();
    this.#waiting = this.#waiting.filter((waiting) => waiting.index > index);
    await settled();
  }
}

/**
 * Replays a session with a broker as `side`. Every message of the broker must equal the recorded one, bytes included.
 */
export async function replaySession(
  transcript: Transcript,
  side: Side,
  plan: (replay: Replay) => ReplayPlan,
  run: (replay: Replay) => Promise<unknown> = () => Promise.resolve(),
): Promise<unknown> {
  using _kept = pinReceivedValues();
  const { entries, events } = transcript;
  const links = linkPair();
  const [brokerLink, peerLink] =
    side === "server" ? [links.listener, links.initiator] : [links.initiator, links.listener];
  const dialect = dialectOf(entries);
  const replay = new Replay(transcript, brokerLink, new RawPeer(peerLink, dialect));
  const { options, before = {}, marks = {}, deviations = [] } = plan(replay);
  replay.broker = new Broker(brokerLink, { ...options, limits: { turnMs: Infinity, ...options?.limits } });
  const action = run(replay);
  action.catch(() => undefined); // awaited at the end

  for (const [index, entry] of [...entries, undefined].entries()) {
    await replay.advance(index);
    await before[index]?.();
    for (const event of events.filter(({ after }) => after === index)) await handleEvent(event, index);
    const isFromBroker = entry !== undefined && (entry.direction === "s2c") === (side === "server");
    const deviation = deviations.find((candidate) => candidate.message === index);
    if (deviation?.sends !== undefined) expect(await next(deviation.why)).toMatch(deviation.sends);
    if (entry === undefined || (isFromBroker && deviation !== undefined)) continue;
    if (isFromBroker) await expectLine(entry, index);
    else await replay.peer.sendBytes(Buffer.from(entry.hex, "hex"));
  }
  await replay.advance(Infinity);
  expect(replay.peer.received(), "sent after the last message").toEqual([]);
  const outcome = await action;
  replay.broker.terminate("closed");
  return outcome;

  async function next(expected: string): Promise<string> {
    await settled();
    const sent = replay.peer.takeMessage();
    if (sent === undefined) throw new Error(`The broker sent nothing; expected ${expected}`);
    return inspect(withoutVariableFields(sent.expression));
  }

  async function expectLine({ hex }: Entry, index: number): Promise<void> {
    await settled();
    const expected = inspect(withoutVariableFields(messageAt(transcript, index)));
    const sent = replay.peer.takeMessage();
    if (sent === undefined) throw new Error(`The broker sent nothing; Twisted sent ${expected}`);
    expect(inspect(withoutVariableFields(sent.expression)), `message ${index}`).toBe(expected);
    if (!expected.includes("CopyableFailure"))
      expect(sent.bytes.toString("hex"), `the bytes of message ${index}`).toBe(hex);
  }

  async function handleEvent(event: TranscriptEvent, index: number): Promise<void> {
    await settled();
    if (event.event === "mark") {
      marks[event.label]?.(event.value as never, replay.broker);
    } else if (event.side === side) {
      const staysOpen = deviations.some((deviation) => deviation.message === index && deviation.staysOpen === true);
      expect(replay.broker.isOpen, "whether the connection is open").toBe(staysOpen);
    } else {
      await replay.peer.close();
    }
  }
}

function dialectOf(entries: readonly Entry[]) {
  return entries[1]?.hex === "04826e6f6e65" ? none : pb;
}

/** The fields of a failure that may differ between implementations, as may the order of its fields. */
const VARIABLE_FIELDS = new Set(["count", "traceback", "pickled"]);

function withoutVariableFields(expression: Expression): Expression {
  if (!Array.isArray(expression)) return expression;
  const [tag, state] = expression;
  if (!isWord(tag, "twisted.spread.pb.CopyableFailure") || !Array.isArray(state)) {
    return expression.map(withoutVariableFields);
  }
  const [atom, ...pairs] = state;
  const kept = pairs.filter((pair) => !VARIABLE_FIELDS.has(keyOf(pair)));
  return [tag, [atom!, ...kept.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))]];
}

/** The `name` of `((unicode name) value)`. */
function keyOf(pair: Expression): string {
  return Buffer.from(((pair as Expression[])[0] as Expression[])[1] as Uint8Array).toString();
}

function isWord(expression: Expression | undefined, word: string): expression is Uint8Array {
  return expression instanceof Uint8Array && Buffer.from(expression).toString() === word;
}

/** The outcome of a call in the form that the recording uses. */
export async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return { state: "ok", value: tagged(await call) };
  } catch (error) {
    if (error instanceof RemoteError) {
      const { remoteType: type, message: value, parents } = error;
      return { state: "failure", type, value, parents: [...parents] };
    }
    if (error instanceof ConnectionLostError) return { state: "failure", type: "twisted.spread.pb.PBConnectionLost" };
    throw error;
  }
}

function tagged(value: unknown): unknown {
  if (value === null) return { t: "none" };
  if (typeof value === "boolean") return { t: "bool", v: value };
  if (typeof value === "number") return { t: "int", v: String(value) };
  if (typeof value === "string") return { t: "str", v: value };
  if (value instanceof Uint8Array) return { t: "bytes", v: Buffer.from(value).toString("hex") };
  if (value instanceof Tuple) return { t: "tuple", v: Array.from(value as Iterable<unknown>, tagged) };
  return { t: "dict", v: Object.entries(value as object).map((entry) => entry.map(tagged)) };
}
