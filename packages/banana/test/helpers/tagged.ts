// Reads the golden vectors, which were recorded from Twisted 22.4.

import { readFileSync } from "node:fs";
import { Float } from "@pb/banana";
import type { Expression } from "@pb/banana";

export type Tagged = { i: string } | { f: string } | { b: string } | { l: Tagged[] };

export function readVectors<Case>(file: string): Case[] {
  const text = readFileSync(new URL(`../vectors/${file}`, import.meta.url), "utf8");
  return (JSON.parse(text) as { cases: Case[] }).cases;
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** The expression of a tagged value, as `decode` returns it. */
export function untag(value: Tagged): Expression {
  if ("i" in value) {
    const integer = BigInt(value.i);
    return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
  }
  if ("b" in value) return hex(value.b);
  if ("l" in value) return value.l.map(untag);
  const double = Buffer.from(value.f, "hex").readDoubleBE();
  if (Number.isNaN(double)) return value.f === "7ff8000000000000" ? NaN : new Float(double, BigInt(`0x${value.f}`));
  return Number.isSafeInteger(double) && !Object.is(double, -0) ? new Float(double) : double;
}
