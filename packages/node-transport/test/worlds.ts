// What the tests of this package share: objects to call, places to listen, patience.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Root } from "@pb/broker";
import type { Broker } from "@pb/broker";

export class Echo extends Root {
  /** How often each text was echoed. */
  readonly seen = new Map<unknown, number>();
  /** Calls of `wait` that have not been let go. */
  readonly waiting: (() => void)[] = [];

  remote_echo<T>(value: T): T {
    this.seen.set(value, (this.seen.get(value) ?? 0) + 1);
    return value;
  }

  /** Answers when the test says so. */
  remote_wait<T>(value: T): Promise<T> {
    return new Promise((resolve) => this.waiting.push(() => resolve(value)));
  }

  letGo(): void {
    for (const go of this.waiting.splice(0)) go();
  }
}

/** A folder that is gone with the test. */
export function folder(): Disposable & { readonly path: string; file(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), "pb-node-"));
  return {
    path,
    file: (name) => join(path, name),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Polls until `isSo` returns true. The timeout only ends a test that hangs. */
export async function until(isSo: () => unknown, what: string, ms = 120_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`Timed out after ${ms} ms while waiting until ${what}`);
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

/** As `Promise.withResolvers`, which Node 20 lacks. */
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
