// How a check of the contract is written: a name, a connection of its own, and what must hold.

import type { Broker, RemoteReference } from "@pb/broker";
import { jelly } from "@pb/jelly-types";
import { encode } from "@pb/banana";
import { inspect, isDeepStrictEqual } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

/** One connection of a check. */
export interface CheckContext {
  readonly connection: Broker;
  readonly root: RemoteReference;
  /** Another connection to the same server; closed with the check. */
  another(): Promise<Broker>;
}

export type Check = (context: CheckContext) => Promise<string | undefined>;

export class CheckFailed extends Error {}

export function expect(condition: boolean, what: string): asserts condition {
  if (!condition) throw new CheckFailed(what);
}

/** The error a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new CheckFailed(`expected a failure, got ${show(value)}`);
}

/** Whether two values are the same to Python: of one type, with the same bytes on the wire. Sets in any order. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Set && other instanceof Set) {
    if (one.constructor !== other.constructor || one.size !== other.size) return false;
    return [...one].every((member) => [...other].some((candidate) => isSame(member, candidate)));
  }
  return isDeepStrictEqual(encode(jelly(one)), encode(jelly(other)));
}

export function show(value: unknown): string {
  return inspect(value, { depth: 4, breakLength: Infinity });
}

/** Asks again until the answer is true. */
export async function until(ask: () => boolean | Promise<boolean>, what: string, limitMs = 3000): Promise<void> {
  const end = Date.now() + limitMs;
  while (Date.now() < end) {
    if (await ask()) return;
    await sleep(10);
  }
  throw new CheckFailed(`timed out waiting for ${what}`);
}
