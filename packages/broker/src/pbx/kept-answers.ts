// The calls that must run once, and their answers. The caller of such a call sends it again, with the same key, when
// its connection was lost, and gets the answer of the first run (docs/extension.md).

import { decode, encode, none } from "@pb/banana";
import type { Dialect, Expression } from "@pb/banana";
import { AnswerForgotten, OnceRefused } from "../calls/extension-errors.js";
import type { KeptAnswer, KeptCall, OnceNote, RunningContext } from "../calls/kept-call.js";
import type { BrokerConfig } from "../engine/config.js";
import { keepInProcess } from "../engine/memory.js";
import type { BrokerLimits } from "../limits.js";
import { Subscriptions } from "../subscriptions.js";
import { randomText } from "../random-text.js";

/** What a call takes in memory beside its key and its answer, in bytes. */
const CALL_BYTES = 512;

/** A larger answer is not kept: with a hundred of them, the memory for all would be used up. */
const MOST_ANSWER_BYTES = 64 * 1024;

/** One user may take this part of `keptAnswerBytes`, so that others find place. */
const SHARE = 1 / 4;

/** 128 random bits have 22 characters in base 64, and 32 in hexadecimal digits. */
const KEY = /^[\w-]{16,64}$/;

/** What the calls of one user take. */
interface Usage {
  readonly user: string;
  count: number;
  bytes: number;
}

class Call implements KeptCall {
  /** The user and the key. */
  readonly id: string;
  readonly method: string;
  readonly usage: Usage;
  /** What it takes in memory. */
  bytes: number;
  isNew = true;
  context: RunningContext | undefined;
  /** When the method finished, on the clock of the store. Undefined while it runs. */
  finished: number | undefined;
  #answer: KeptAnswer | undefined;
  readonly #waiting = new Subscriptions<[answer: KeptAnswer]>();
  readonly #store: KeptAnswers;

  constructor(store: KeptAnswers, id: string, method: string, usage: Usage) {
    this.#store = store;
    this.id = id;
    this.method = method;
    this.usage = usage;
    this.bytes = CALL_BYTES + 2 * id.length;
  }

  keep(command: KeptAnswer["command"], message: Uint8Array, dialect: Dialect): void {
    const value = this.#store.hasRoom(this, message.length) ? valueOf(message, dialect) : undefined;
    this.#settle({ command, value });
  }

  keepNothing(): void {
    this.#settle({ command: "answer", value: undefined });
  }

  whenAnswered(callback: (answer: KeptAnswer) => void): Disposable {
    const subscription = this.#waiting.add(callback);
    if (this.#answer !== undefined) this.#tell(this.#answer);
    return subscription;
  }

  #settle(answer: KeptAnswer): void {
    this.context = undefined;
    if (this.#answer !== undefined) return;
    this.#answer = answer;
    this.#store.finish(this, answer.value?.length ?? 0);
    this.#tell(answer);
  }

  /** Later, because the first answer may be in the middle of being written. */
  #tell(answer: KeptAnswer): void {
    queueMicrotask(() => {
      for (const callback of this.#waiting.takeAll()) callback(answer);
    });
  }
}

/** The third element of an answer, in the dialect that every connection can convert. */
function valueOf(message: Uint8Array, dialect: Dialect): Uint8Array {
  const [, , value] = decode(message, { dialect }) as Expression[];
  return encode(value!, { dialect: none });
}

const stores = new WeakMap<object, KeptAnswers>();

/** The calls of all connections to the same root. */
export class KeptAnswers {
  /** Callers recognize by it that a later connection leads to the same calls. */
  readonly instance: string = randomText();
  readonly #limits: BrokerLimits;
  readonly #calls = new Map<string, Call>();
  readonly #usages = new Map<string, Usage>();
  /** Calls that have finished, in this order. */
  readonly #finished = new Set<Call>();
  #bytes = 0;
  /** When the last call finished that was forgotten because of its age, on the clock of this store. */
  #forgottenUntil = -Infinity;

  constructor(limits: BrokerLimits) {
    this.#limits = limits;
  }

  /**
   * The store of a root, with the limits of the first options that it was served with. A program may serve each port or
   * WebSocket with options of its own, and a caller that connects again still gets its answers.
   */
  static of(config: BrokerConfig): KeptAnswers {
    const owner = config.limits.keptAnswers > 0 ? (config.root ?? config) : config;
    let store = stores.get(owner);
    if (store === undefined) stores.set(owner, (store = new KeptAnswers(config.limits)));
    return store;
  }

  /** Whether there is place for any call. */
  get isEnabled(): boolean {
    return this.#limits.keptAnswers > 0;
  }

  /** What callers have to know: entries of the answer to `hello`. */
  describe(): object {
    return { instance: this.instance, clock: now() };
  }

  /**
   * A call of this user. `since` is a time before the call was first sent, on the clock of this store. Anything but a
   * key and a time makes a note whose call is refused: to run it would be wrong if it has run.
   */
  noteOf(user: () => string, key: unknown, since: number): OnceNote {
    const isValid = typeof key === "string" && KEY.test(key) && Number.isFinite(since);
    return {
      arrive: (method) => {
        if (!isValid) throw new OnceRefused("The key of the call, or its time, is malformed");
        return this.#arrive(user(), key, since, method);
      },
    };
  }

  /** The caller has the answer of a call, and does not send it again. Returns false for an unknown call. */
  release(user: string, key: string): boolean {
    const call = this.#calls.get(idOf(user, key));
    if (call?.finished === undefined) return false;
    this.#remove(call);
    return true;
  }

  #arrive(user: string, key: string, since: number, method: string): Call {
    this.forgetOld();
    const id = idOf(user, key);
    const known = this.#calls.get(id);
    if (known !== undefined) {
      known.isNew = false;
      if (known.method === method) return known;
      throw new OnceRefused("The key belongs to a call of another method");
    }
    // It may be one of those that were forgotten.
    if (since <= this.#forgottenUntil) throw new AnswerForgotten();
    const usage = this.#usages.get(user) ?? { user, count: 0, bytes: 0 };
    this.#requirePlace(usage);
    this.#usages.set(user, usage);
    const call = new Call(this, id, method, usage);
    this.#calls.set(id, call);
    usage.count++;
    this.#take(call, call.bytes);
    return call;
  }

  /** Refuses a call, rather than to forget another one. */
  #requirePlace({ count, bytes }: Usage): void {
    const { keptAnswers, keptAnswerBytes } = this.#limits;
    if (count >= keptAnswers)
      throw new OnceRefused(`The answers of too many calls are kept: the limit is ${keptAnswers}`);
    if (bytes < keptAnswerBytes * SHARE && this.#bytes < keptAnswerBytes) return;
    throw new OnceRefused(`The answers that are kept take too much memory: the limit is ${keptAnswerBytes} bytes`);
  }

  hasRoom({ usage }: Call, bytes: number): boolean {
    const { keptAnswerBytes } = this.#limits;
    const isFull = usage.bytes + bytes > keptAnswerBytes * SHARE || this.#bytes + bytes > keptAnswerBytes;
    return bytes <= MOST_ANSWER_BYTES && !isFull;
  }

  finish(call: Call, answerBytes: number): void {
    call.finished = now();
    call.bytes += answerBytes;
    this.#take(call, answerBytes);
    this.#finished.add(call);
  }

  /**
   * Forgets the answers that were kept for their time. Called for each connection and each call with a key, instead of
   * by a timer: without these, nothing more is kept.
   */
  forgetOld(): void {
    const oldest = now() - this.#limits.keptAnswerMs / 1000;
    for (const call of this.#finished) {
      if (call.finished! > oldest) return;
      this.#forgottenUntil = call.finished!;
      this.#remove(call);
    }
  }

  #remove(call: Call): void {
    this.#calls.delete(call.id);
    this.#finished.delete(call);
    call.usage.count--;
    this.#take(call, -call.bytes);
    if (call.usage.count === 0) this.#usages.delete(call.usage.user);
  }

  #take({ usage }: Call, bytes: number): void {
    usage.bytes += bytes;
    this.#bytes += bytes;
    keepInProcess(bytes);
  }
}

/** The clock that callers are told: seconds. */
function now(): number {
  return performance.now() / 1000;
}

/** The key comes last: it contains no space. */
function idOf(user: string, key: string): string {
  return `${user} ${key}`;
}
