// The helpers of the interoperability checks: assertions that compare values as Python would. Runs in browsers, too.

import { encode, inspect } from "@pb/banana";
import { RemoteError } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { jelly } from "@pb/jelly-types";

/** Fails with the message unless the condition is true. */
export function expect(condition: unknown, message: string): asserts condition {
  if (condition !== true) throw new Error(message);
}

export function sleep<T = void>(ms: number, value?: T): Promise<T> {
  return new Promise((resolve) => setTimeout(() => resolve(value as T), ms));
}

/** Resolves when the condition is true. The check ends one that hangs. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 120_000;
  while (!(await condition())) {
    expect(performance.now() < end, `timed out while waiting for ${what}`);
    await sleep(10);
  }
}

/** Each check has its own connection. */
export interface CheckContext {
  readonly connection: Broker;
  readonly root: RemoteReference;
  /** Calls a method of the root object. */
  readonly call: <Result = unknown>(method: string, ...args: unknown[]) => Promise<Result>;
  /** Opens another connection to the same server. It is closed after the check. */
  readonly openAnother: () => Promise<Broker>;
}

/** Resolves when the check has passed; a string is a detail for the output. Rejects when it has failed. */
export type Check = (context: CheckContext) => Promise<unknown>;

/**
 * Fails unless both values have the same Python type and the same bytes on the wire, which show shared objects and
 * cycles, too. Sets may differ in order.
 */
export function expectSame(actual: unknown, expected: unknown, what = "value"): void {
  expect(isSame(actual, expected), `${what}: expected ${show(expected)}, got ${show(actual)}`);
}

export function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Set && other instanceof Set) {
    if (one.constructor !== other.constructor || one.size !== other.size) return false;
    return [...one].every((member) => [...other].some((candidate) => isSame(member, candidate)));
  }
  const [first, second] = [encode(jelly(one)), encode(jelly(other))];
  return first.length === second.length && first.every((byte, index) => byte === second[index]);
}

/** Resolves with the error of a promise that must reject. */
export async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const result = await promise.then(show, (error: unknown) => error as Error);
  expect(typeof result !== "string", `expected an error, got ${String(result)}`);
  return result;
}

/** Resolves with the error of a call that must fail with this remote type and, if given, this message or pattern. */
export async function remoteErrorOf(
  call: Promise<unknown>,
  type: string,
  message?: string | RegExp,
): Promise<RemoteError> {
  const error = await errorOf(call);
  expect(error instanceof RemoteError, `${error.name}: ${error.message} is not a RemoteError`);
  expectSame(error.remoteType, type, "type of the error");
  if (message instanceof RegExp) expect(message.test(error.message), `message of the error: ${error.message}`);
  else if (message !== undefined) expectSame(error.message, message, "message of the error");
  return error;
}

/** A value as it is sent, or its class if it cannot be sent. */
export function show(value: unknown): string {
  try {
    return inspect(jelly(value)).slice(0, 1_000);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
