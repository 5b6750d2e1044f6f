// How the codec benches show what they found, and how fast we want to be.

import { formatSeconds } from "./measure.js";
import type { Result } from "./measure.js";

export type Direction = "encode" | "decode";

/** How much faster than these we want to be, where that is said for all payloads or for one. */
const targets: readonly { peer: string; direction: Direction; payload?: string; ratio: number }[] = [
  { peer: "@msgpack/msgpack", direction: "encode", ratio: 1 },
  { peer: "@msgpack/msgpack", direction: "decode", ratio: 1 },
  { peer: "JSON, TextEncoder", direction: "encode", payload: "nested record", ratio: 0.8 },
  { peer: "JSON, TextDecoder", direction: "decode", payload: "nested record", ratio: 0.8 },
  { peer: "Twisted", direction: "encode", ratio: 20 },
  { peer: "Twisted", direction: "decode", ratio: 80 },
];

/** One line for each, the first of whom the others are compared with. */
export function show(payload: string, direction: Direction, results: readonly Result[]): void {
  console.log(`  ${direction}`);
  for (const [index, { name, seconds, ratio }] of results.entries()) {
    const { low, median, high } = ratio;
    const target = targets.find(
      (each) => each.peer === name && each.direction === direction && (each.payload ?? payload) === payload,
    );
    const spread = index === 0 ? "" : `${median.toFixed(2).padStart(8)}  (${low.toFixed(2)} to ${high.toFixed(2)})`;
    const verdict =
      target === undefined ? "" : `  wanted ${target.ratio}: ${median >= target.ratio ? "reached" : "NOT REACHED"}`;
    console.log(`    ${name.padEnd(20)}${formatSeconds(seconds).padStart(11)}${spread}${verdict}`);
  }
}
