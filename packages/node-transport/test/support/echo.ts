// An object to call, temporary folders and helpers to wait, for the tests of this package.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

/** A temporary folder. Dispose of it to remove it. */
export function folder(): Disposable & { readonly path: string; file(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), "pb-node-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Resolves when the condition is true. Rejects after `ms`, which only ends a test that hangs. */
export async function until(condition: () => unknown, what: string, ms = 120_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Timeout of ${ms} ms while waiting until ${what}`);
    await sleep(5);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function echo<T>(connection: Broker, value: T): Promise<T> {
  const root = await connection.getRootObject<Echo>();
  return (await root.callRemote("echo", value)) as T;
}

/** Like `Promise.withResolvers`, which Node 20 does not have. */
export function withResolvers<T>(): {
  promise: Promise<T>;
  resolve: (value: T) => void;
  reject: (error: unknown) => void;
} {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}
