// Objects to call and helpers to wait, for the tests of this package.

import { Root } from "@pb/broker";
import type { Broker } from "@pb/broker";

export class Echo extends Root {
  /** How often each value was echoed. */
  readonly seen = new Map<unknown, number>();
  /** Calls of `wait` that have not been answered. */
  readonly waiting: (() => void)[] = [];

  remote_echo<T>(value: T): T {
    this.seen.set(value, (this.seen.get(value) ?? 0) + 1);
    return value;
  }

  /** Answers after the test has called {@link answerAll}. */
  remote_wait<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.waiting.push(() => resolve(value)));
  }

  answerAll(): void {
    for (const answer of this.waiting.splice(0)) answer();
  }
}

export async function echo<T>(connection: Broker, value: T): Promise<T> {
  const root = await connection.getRootObject<Echo>();
  return (await root.callRemote("echo", value)) as T;
}

/** Resolves when the condition is true. Rejects after two minutes, which only ends a test that hangs. */
export async function until(condition: () => unknown, what: string): Promise<void> {
  const end = performance.now() + 120_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Timeout while waiting until ${what}`);
    await sleep(5);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
