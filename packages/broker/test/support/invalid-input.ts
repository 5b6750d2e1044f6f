// What the tests of invalid input have in common.

import { expect } from "vitest";
import { BananaError } from "@pb/banana";
import { ConnectionLostError, PBError, ProtocolError, Root } from "@pb/broker";
import type { CloseReason } from "@pb/broker";

export const latin = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

export const digits = (count: number): Uint8Array => new Uint8Array(count).fill(1);

export const TLS_HELLO = Uint8Array.from(Buffer.from("16030100c8010000c40303", "hex"));

export class Echo extends Root {
  readonly calls: unknown[] = [];

  remote_echo(value: unknown): unknown {
    this.calls.push(value);
    return value;
  }
}

export class Failing extends Root {
  remote_now(): never {
    throw new PBError("no");
  }
  async remote_later(): Promise<never> {
    await Promise.resolve();
    throw new PBError("no");
  }
}

/** A description, the input, the code of the resulting error, and a part of its message. */
export type Row = readonly [what: string, input: string | Uint8Array, code: string, pattern: RegExp];

export function byKind(code: string): typeof BananaError | typeof ProtocolError {
  return code.startsWith("BANANA_") ? BananaError : ProtocolError;
}

/** Checks why a connection ended. */
export function expectEnd(error: unknown, expected: CloseReason, code: string, pattern: RegExp): void {
  expect(error).toBeInstanceOf(ConnectionLostError);
  const { cause, message, reason } = error as ConnectionLostError;
  expect(reason).toBe(expected);
  expect(cause).toBeInstanceOf(byKind(code));
  expect((cause as ProtocolError).code).toBe(code);
  expect(message).toMatch(pattern);
  expect(message.length).toBeLessThan(500);
}

export function bytesOf(value: string | number[]): Uint8Array | number[] {
  return typeof value === "string" ? latin(value) : value;
}
