/** The objects that the fuzzer of calls about calls offers. They record what ran. */

import { callContext, PBError, Referenceable, Root } from "@pb/broker";

/** The root object. Each call of `wait` has a key of its own. */
export class Desk extends Root {
  /** Calls of `wait` that have neither been opened nor stopped. */
  readonly waiting = new Map<number, () => void>();
  /** Streams that were begun and have not ended. */
  streams = 0;
  readonly #ran = new Set<string>();
  readonly #last = new Map<number, number>();

  remote_give = (): Mark => new Mark(this);
  remote_copy = (): number => 7;
  remote_trace = (): unknown[] => [callContext().traceparent];
  /** Yields numbers, and then waits until it is not read anymore if `waits` is 1. */
  async *remote_stream(count: number, waits: number): AsyncGenerator<number> {
    const { signal } = callContext();
    this.streams++;
    try {
      for (let number = 0; number < count; number++) yield number;
      if (waits === 1) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    } finally {
      this.streams--;
    }
  }
  remote_fail(): never {
    throw new PBError("no");
  }
  /** A call with a key. */
  remote_once(key: number): number {
    this.ran(key, 0);
    return key;
  }
  /** Returns a {@link Mark} when `open` is called, and fails when nobody waits for it anymore. */
  remote_wait(key: number): Promise<Mark> {
    const { signal } = callContext();
    return new Promise((resolve, reject) => {
      this.waiting.set(key, () => resolve(new Mark(this)));
      const stop = (): void => {
        this.waiting.delete(key);
        reject(signal.reason as Error);
      };
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop);
    });
  }
  remote_open(key: number): void {
    this.waiting.get(key)?.();
    this.waiting.delete(key);
  }

  /** Throws when a call runs twice, or after one that has arrived later. */
  ran(key: number, index: number): void {
    const name = `${key}.${index}`;
    if (this.#ran.has(name)) throw new Error(`The call ${name} ran twice`);
    if (index < (this.#last.get(key) ?? -1)) throw new Error(`The call ${name} ran too late`);
    this.#ran.add(name);
    this.#last.set(key, index);
  }

  hasRun(key: number, index: number): boolean {
    return this.#ran.has(`${key}.${index}`);
  }
}

/** The result of a call, which the peer calls before it has arrived. */
class Mark extends Referenceable {
  readonly #desk: Desk;

  constructor(desk: Desk) {
    super();
    this.#desk = desk;
  }

  remote_mark(key: number, index: number): unknown[] {
    this.#desk.ran(key, index);
    return [callContext().traceparent];
  }
}
