// Plays one side of a session recorded between two Twisted programs: the recording says the other side's lines.

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

/** One line of a session, decoded. */
export function line({ name, entries }: Transcript, index: number): Expression {
  const entry = entries[index];
  if (entry === undefined) throw new Error(`${name} has no line ${index}`);
  return decode(Buffer.from(entry.hex, "hex"), { dialect: dialectOf(entries) });
}

/** What we say otherwise than Twisted does, and why. */
export interface Deviation {
  /** The line which Twisted says something else for, or nothing, or after which it hangs up. */
  readonly line: number;
  /** What we say. Empty when we say nothing. */
  readonly says?: RegExp;
  /** Twisted's connection breaks here; ours lives. */
  readonly lives?: true;
  readonly why: string;
}

export interface Play {
  readonly options?: BrokerOptions | undefined;
  /** What our side does just before a line. */
  readonly before?: Readonly<Record<number, () => unknown>>;
  /** Checks of what the recording notes about our side. */
  readonly marks?: Readonly<Record<string, (noted: never, broker: Broker) => void>>;
  readonly deviations?: readonly Deviation[] | undefined;
}

/** Where a play is. */
export class Stage {
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

  /** Resolves when the line `index` is about to be said. */
  reached(index: number): Promise<void> {
    if (index <= this.#index) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ index, resolve }));
  }

  /** Resolves when the last line was said. */
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

/** Plays our side of a session against the recording of the other. Every line of ours must be what Twisted said. */
export async function play(
  transcript: Transcript,
  side: Side,
  begin: (stage: Stage) => Play,
  act: (stage: Stage) => Promise<unknown> = () => Promise.resolve(),
): Promise<unknown> {
  using _kept = pinReceivedValues();
  const { entries, events } = transcript;
  const links = linkPair();
  const [ours, other] = side === "server" ? [links.listener, links.initiator] : [links.initiator, links.listener];
  const dialect = dialectOf(entries);
  const stage = new Stage(transcript, ours, new RawPeer(other, dialect));
  const { options, before = {}, marks = {}, deviations = [] } = begin(stage);
  stage.broker = new Broker(ours, options);
  const acting = act(stage);
  acting.catch(() => undefined); // awaited at the end

  for (const [index, entry] of [...entries, undefined].entries()) {
    await stage.advance(index);
    await before[index]?.();
    for (const event of events.filter(({ after }) => after === index)) await occur(event, index);
    const isOurs = entry !== undefined && (entry.direction === "s2c") === (side === "server");
    const deviation = deviations.find((candidate) => candidate.line === index);
    if (deviation?.says !== undefined) expect(await next(deviation.why)).toMatch(deviation.says);
    if (entry === undefined || (isOurs && deviation !== undefined)) continue;
    if (isOurs) await expectLine(entry, index);
    else await stage.peer.sayBytes(Buffer.from(entry.hex, "hex"));
  }
  await stage.advance(Infinity);
  expect(stage.peer.heard(), "said after the last line").toEqual([]);
  const outcome = await acting;
  stage.broker.terminate("closed");
  return outcome;

  async function next(expected: string): Promise<string> {
    await settled();
    const said = stage.peer.takeOne();
    if (said === undefined) throw new Error(`We say nothing where ${expected} is due`);
    return inspect(withoutTolerated(said.expression));
  }

  async function expectLine({ hex }: Entry, index: number): Promise<void> {
    await settled();
    const expected = inspect(withoutTolerated(line(transcript, index)));
    const said = stage.peer.takeOne();
    if (said === undefined) throw new Error(`We say nothing where Twisted says ${expected}`);
    expect(inspect(withoutTolerated(said.expression)), `line ${index}`).toBe(expected);
    if (!expected.includes("CopyableFailure"))
      expect(said.bytes.toString("hex"), `the bytes of line ${index}`).toBe(hex);
  }

  async function occur(event: TranscriptEvent, index: number): Promise<void> {
    await settled();
    if (event.event === "mark") {
      marks[event.label]?.(event.value as never, stage.broker);
    } else if (event.side === side) {
      const lives = deviations.some((deviation) => deviation.line === index && deviation.lives === true);
      expect(stage.broker.isOpen, "whether the connection lives").toBe(lives);
    } else {
      await stage.peer.hangUp();
    }
  }
}

function dialectOf(entries: readonly Entry[]) {
  return entries[1]?.hex === "04826e6f6e65" ? none : pb;
}

/** What an implementation may say as it likes: how many failures there were, tracebacks, and in which order it tells about one. */
const TOLERATED = new Set(["count", "traceback", "pickled"]);

function withoutTolerated(expression: Expression): Expression {
  if (!Array.isArray(expression)) return expression;
  const [tag, state] = expression;
  if (!isWord(tag, "twisted.spread.pb.CopyableFailure") || !Array.isArray(state)) {
    return expression.map(withoutTolerated);
  }
  const [atom, ...pairs] = state;
  const kept = pairs.filter((pair) => !TOLERATED.has(keyOf(pair)));
  return [tag, [atom!, ...kept.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1))]];
}

/** `name` of `((unicode name) value)`. */
function keyOf(pair: Expression): string {
  return Buffer.from(((pair as Expression[])[0] as Expression[])[1] as Uint8Array).toString();
}

function isWord(expression: Expression | undefined, word: string): expression is Uint8Array {
  return expression instanceof Uint8Array && Buffer.from(expression).toString() === word;
}

/** How a call ended, in the words of the recording. */
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
