// Reads the same bytes at once and in steps.

import { BananaReader, pb, Scanner } from "@pb/banana";
import type { Expression, Steps } from "@pb/banana";
import { BananaWriter, writeExpression } from "@pb/banana";
import { Unjellier } from "@pb/jelly-types";
import type { UnjellierOptions } from "@pb/jelly-types";

/** The bytes of an expression, and where each of its lists begins. */
export function written(expression: Expression): { bytes: Uint8Array; lists: number[] } {
  const writer = new BananaWriter({ dialect: pb });
  writeExpression(writer, expression);
  const bytes = writer.take();
  const reader = new BananaReader().reset(bytes, 0, bytes.length, pb, 0);
  const lists: number[] = [];
  for (let left = 1; left > 0; left--) {
    if (reader.kind() !== "list") {
      reader.skip();
      continue;
    }
    lists.push(reader.offset);
    left += reader.list();
  }
  return { bytes, lists };
}

/** What reading gave: a value or the properties of an error, and the memory that was charged. */
export interface Outcome {
  readonly value?: unknown;
  readonly error?: Readonly<Record<string, unknown>>;
  readonly charged: number;
  readonly offset: number;
}

const HEAP = 2 ** 40;

function outcome(reader: BananaReader, options: UnjellierOptions, read: (unjellier: Unjellier) => unknown): Outcome {
  const heap = options.heap ?? { left: HEAP };
  const before = heap.left;
  try {
    const value = read(new Unjellier({ unknownCopies: "keep", ...options, heap }));
    return { value, charged: before - heap.left, offset: reader.offset };
  } catch (error) {
    const { name, code, message, path, offset, cause } = error as Record<string, unknown>;
    return {
      error: { name, code, message, path, offset, cause: String(cause) },
      charged: before - heap.left,
      offset: reader.offset,
    };
  }
}

/** Reads with a pause wherever there may be one, as if each list were long. */
export function readBoth(expression: Expression, options: UnjellierOptions = {}): { whole: Outcome; inSteps: Outcome } {
  const { bytes, lists } = written(expression);
  const reader = (longLists: number[]): BananaReader =>
    new BananaReader().reset(bytes, 0, bytes.length, pb, 0, undefined, longLists);
  const heap = (): UnjellierOptions =>
    options.heap === undefined ? options : { ...options, heap: { ...options.heap } };
  // What a text or a dict is charged depends on whether it is known: it is, after the fourth time at the latest.
  for (let time = 0; time < 4; time++) {
    const first = reader([]);
    outcome(first, { ...options, heap: { left: HEAP } }, (unjellier) => unjellier.readGraph(first));
  }
  const whole = reader([]);
  const inSteps = reader(lists);
  return {
    whole: outcome(whole, heap(), (unjellier) => unjellier.readGraph(whole)),
    inSteps: outcome(inSteps, heap(), (unjellier) => {
      const steps = unjellier.readGraphInSteps(inSteps);
      for (;;) {
        const next = steps.next();
        if (next.done === true) return next.value;
      }
    }),
  };
}

/** Runs steps, and returns the most bytes that one of them read, and how many there were. */
export function measureSteps<Result>(
  reader: BananaReader,
  steps: Steps<Result>,
): { result: Result; most: number; count: number } {
  let most = 0;
  for (let count = 1; ; count++) {
    const before = reader.offset;
    const next = steps.next();
    most = Math.max(most, reader.offset - before);
    if (next.done === true) return { result: next.value, most, count };
  }
}

/** A reader before an expression that a scanner has found. */
export function scanned(expression: Expression): BananaReader {
  const reader = new BananaReader();
  const scanner = new Scanner({ dialect: pb });
  scanner.push(written(expression).bytes);
  if (!scanner.advance(reader)) throw new Error("The expression is incomplete");
  return reader;
}
