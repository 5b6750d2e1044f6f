/**
 * A peer that knows what each of its calls must be answered with, and that answers the calls of the broker. It counts
 * the messages about calls (docs/extension.md) in both directions.
 */

import { inspect } from "@pb/banana";
import type { Expression } from "@pb/banana";
import type { Broker, RemoteReference } from "@pb/broker";
import { settled } from "../../packages/broker/test/support/raw-peer.js";
import type { RawPeer } from "../../packages/broker/test/support/raw-peer.js";
import type { Desk } from "./desk.js";

/** A call of the broker, as the peer sees it. */
export interface ReceivedCall {
  readonly id: number;
  readonly target: string;
  readonly method: string;
  /** The arguments: the key of the scene, and a number within it. */
  readonly key: number;
  readonly index: number;
  readonly trace: string | undefined;
}

/** What the peer knows about one call of the broker to which messages refer. */
interface Told {
  isExpected?: boolean;
  isForgotten?: boolean;
  isCanceled?: boolean;
  isAnswered?: boolean;
}

type Answer = (call: ReceivedCall) => void;

export const traceOf = (id: number): string => `00-${String(id).padStart(32, "0")}-${"1".repeat(16)}-01`;

/** The answer to a call that has failed. */
export function failureOf(type: string): string {
  const text = type === "pbx.NotExpected" ? "Invalid Object ID" : "no";
  const state = `(type ${type}) (value '${text}') (parents (list ${type} twisted.spread.pb.Error))`;
  return `(error $id (twisted.spread.pb.CopyableFailure (dictionary ${state})))`;
}

export class Stage {
  /** Messages of the next write. */
  readonly #outgoing: string[] = [];
  readonly #later: { turn: number; send: () => void }[] = [];
  /** The answer that each call of the peer must get: the beginning of its notation, or the type of an error. */
  readonly #due = new Map<number, string>();
  readonly #answers = new Map<string, Answer>();
  readonly #calls = new Map<number, Told>();
  readonly #whenAnswered = new Map<number, (text: string) => void>();
  readonly #ran = new Set<string>();
  /** The trace of a note whose call has not arrived. */
  #note: { id: number; trace: string | undefined } | undefined;
  #hellos = 0;
  #turn = 0;
  #lastId = 100;
  /** What the peer does to answer `hello`. */
  readonly #hello: () => void;
  /** What the peer can do. */
  readonly features: readonly string[];
  #isHelloAnswered = false;
  /** Whether the broker knows the features: the answer was sent in an earlier turn, so that no message crosses it. */
  #areFeaturesKnown = false;
  /** Messages to `pbx` that the broker must ignore. */
  ignored = 0;
  /** The promises of the program of the broker that have not settled, by what they wait for. */
  readonly open = new Set<string>();
  readonly problems: string[] = [];
  readonly transcript: string[] = [];
  goodbyes = 0;
  canceled = 0;

  constructor(
    readonly broker: Broker,
    readonly peer: RawPeer,
    readonly desk: Desk,
    readonly friend: RemoteReference,
    { features, answer, delay }: { features: readonly string[]; answer: string; delay: number },
  ) {
    this.features = features;
    this.#hello = () =>
      this.later(delay, () => {
        this.#isHelloAnswered = true;
        this.send(answer.replace("$id", String(this.#helloId)));
      });
  }

  #helloId = 0;

  // Messages of the peer

  nextId(): number {
    return ++this.#lastId;
  }

  send(message: string): void {
    this.transcript.push(`peer    ${message}`);
    this.#outgoing.push(message);
  }

  /** A message to `pbx` without an answer. `isIgnored`: the broker must count it. */
  tell(method: string, args: string | number, isIgnored = false): void {
    this.send(`(message ${this.nextId()} pbx ${method} 0 (tuple ${args}) (dictionary))`);
    if (isIgnored) this.ignored++;
  }

  note(id: number, entries = `((unicode traceparent) (unicode ${traceOf(id)}))`): void {
    this.tell("note", `${id} (dictionary ${entries})`);
  }

  /** A call that must be answered with `due`, or, if that is empty, wants no answer. */
  call(target: string, method: string, args: string | number, due: string, id = this.nextId()): number {
    this.send(`(message ${id} ${target} ${method} ${due === "" ? 0 : 1} (tuple ${args}) (dictionary))`);
    if (due !== "") this.#due.set(id, due);
    return id;
  }

  /** Called with the answer to a call of the peer. */
  onAnswer(id: number, answered: (text: string) => void): void {
    this.#whenAnswered.set(id, answered);
  }

  /** Whether a call of the peer has no answer. */
  isOpen(id: number): boolean {
    return this.#due.has(id);
  }

  later(turns: number, send: () => void): void {
    this.#later.push({ turn: this.#turn + turns, send });
  }

  /** How many answers are sent later. */
  get scheduled(): number {
    return this.#later.length;
  }

  /** Whether the broker, at this moment, may send messages that need the feature. */
  may(feature: string): boolean {
    return !this.#areFeaturesKnown || this.features.includes(feature);
  }

  /** Writes what is to be sent now, and reads what the broker has sent. */
  async turn(): Promise<void> {
    this.#turn++;
    for (const entry of this.#later.filter(({ turn }) => turn <= this.#turn)) {
      this.#later.splice(this.#later.indexOf(entry), 1);
      entry.send();
    }
    const messages = this.#outgoing.splice(0);
    if (messages.length > 0 && this.broker.isOpen) await this.peer.send(...messages);
    else await settled();
    for (const message of this.peer.takeExpressions()) this.#received(message);
    this.#areFeaturesKnown = this.#isHelloAnswered;
  }

  // Calls of the broker

  /** How the peer answers the calls of a method with a key. */
  answer(method: string, key: number, answer: Answer): void {
    this.#answers.set(`${method} ${key}`, answer);
  }

  /** Answers a call of the broker. */
  settle(id: number, answer: string): void {
    this.#calls.get(id)!.isAnswered = true;
    this.send(answer.replace("$id", String(id)));
  }

  fail(id: number, type: string): void {
    this.settle(id, failureOf(type));
  }

  /** A method of the peer runs. */
  run(call: ReceivedCall, answer = "(answer $id 5)"): void {
    const name = `${call.key}.${call.index}`;
    if (this.#ran.has(name)) this.problems.push(`The broker called ${name} again, which has run`);
    this.#ran.add(name);
    this.settle(call.id, answer);
  }

  told(id: number): Told {
    return this.#calls.get(id) ?? {};
  }

  /** Watches a promise of the program. `check` returns what is wrong with its outcome. */
  watch(name: string, promise: Promise<unknown>, check: (value: unknown, error: unknown) => string | undefined): void {
    this.open.add(name);
    const settle = (value: unknown, error?: unknown): void => {
      this.open.delete(name);
      const problem = check(value, error);
      if (problem !== undefined) this.problems.push(`${name}: ${problem}`);
    };
    promise.then(settle, (error: unknown) => settle(undefined, error));
  }

  /** What is missing at the end of the scenes. */
  get missing(): string[] {
    const calls = [...this.#calls].filter(
      ([, { isExpected, isAnswered, isForgotten }]) =>
        isExpected === true && isAnswered === true && isForgotten !== true && this.features.includes("expect"),
    );
    return [
      ...[...this.#due].map(([id, due]) => `the call ${id} was not answered with ${due}`),
      ...[...this.open].map((name) => `the promise of ${name} did not settle`),
      ...calls.map(([id]) => `the broker did not forget ${id}`),
    ];
  }

  #received(message: Expression): void {
    const text = inspect(message);
    this.transcript.push(`broker  ${text}`);
    const [command, id, target, method] = message as readonly (Uint8Array | number)[];
    const name = textOf(command);
    if (name === "answer" || name === "error") this.#check(id as number, text);
    else if (name === "message" && textOf(target) === "pbx") this.#receivedAbout(id as number, textOf(method), text);
    else if (name === "message") this.#receivedCall(message as readonly Expression[], text);
    else if (name !== "decref") this.problems.push(`An unexpected message: ${text}`);
  }

  #check(id: number, text: string): void {
    const due = this.#due.get(id);
    this.#due.delete(id);
    if (due === undefined) this.problems.push(`An answer to no call, or the second one: ${text}`);
    this.#whenAnswered.get(id)?.(text);
    if (due !== undefined && !text.includes(due))
      this.problems.push(`The call ${id} must be answered with ${due}: ${text}`);
  }

  /** A message to the object `pbx` of the peer. */
  #receivedAbout(id: number, method: string, text: string): void {
    if (method === "hello") {
      if (++this.#hellos > 1) this.problems.push("The broker asked hello twice");
      this.#helloId = id;
      this.#hello();
      return;
    }
    const feature = method === "forget" ? "expect" : method;
    if (!this.may(feature)) this.problems.push(`The peer has said that it does not know ${method}`);
    if (method === "goaway") {
      this.goodbyes++;
      return;
    }
    const about = Number(/\(tuple (\d+)/.exec(text)?.[1]);
    const told = this.#calls.get(about);
    const isNew = told === undefined;
    if (method === "note") {
      if (!isNew || this.#note !== undefined) this.problems.push(`A note for no call: ${text}`);
      this.#note = { id: about, trace: /00-\d{32}-1{16}-01/.exec(text)?.[0] };
    } else if (method === "expect") {
      if (!isNew) this.problems.push(`The call is made already: ${text}`);
      this.#calls.set(about, { isExpected: true });
    } else if (method === "cancel") {
      if (told?.isCanceled !== false) this.problems.push(`Nothing to cancel: ${text}`);
      else told.isCanceled = true;
      this.canceled++;
    } else if (told?.isExpected !== true || told.isForgotten === true || told.isAnswered !== true)
      this.problems.push(`Nothing to forget: ${text}`);
    else told.isForgotten = true;
  }

  #receivedCall(message: readonly Expression[], text: string): void {
    const id = message[1] as number;
    const target = typeof message[2] === "number" ? String(message[2]) : textOf(message[2]);
    const method = textOf(message[3]);
    const [, key = 0, index = 0] = message[5] as readonly number[];
    const { id: noted, trace } = this.#note ?? {};
    if (noted !== undefined && noted !== id) this.problems.push(`The note for ${noted} is followed by ${text}`);
    this.#note = undefined;
    const told = this.#calls.get(id);
    if (told?.isCanceled !== undefined) this.problems.push(`The id ${id} is used twice`);
    this.#calls.set(id, { ...told, isCanceled: false });
    const on = target.startsWith("pbx:") ? this.told(Number(target.slice(4))) : undefined;
    if (on !== undefined && (on.isExpected !== true || on.isForgotten === true))
      this.problems.push(`The peer does not expect ${text}`);
    const answer = this.#answers.get(`${method} ${target}`) ?? this.#answers.get(`${method} ${key}`);
    if (answer === undefined) this.problems.push(`An unexpected call: ${text}`);
    else answer({ id, target, method, key, index, trace });
  }
}

function textOf(expression: Expression | undefined): string {
  return expression instanceof Uint8Array ? Buffer.from(expression).toString("latin1") : "";
}
