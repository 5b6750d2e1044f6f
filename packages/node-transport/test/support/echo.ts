// Temporary folders, and helpers to call and to wait, for the tests of this package.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../../transport/test/support/echo.js";

export { echo, Echo, sleep } from "../../../transport/test/support/echo.js";

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
