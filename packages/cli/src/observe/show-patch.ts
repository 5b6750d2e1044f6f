// Shows packed patches of live state.

import { printable } from "@pb/jelly-types";
import type { PackedOperation, PackedPatch, PackedValue } from "../conversation/packed-values.js";
import { quoted } from "../values/show-value.js";

/** Characters of a pointer or a value. */
const LONGEST = 60;

/** Items of a list or a dict: further ones are beyond what is shown of a value. */
const MOST_ITEMS = 20;

/** `(revision 5 to 6: /price = 12)`, with at most `most` characters of its operations. Undefined: it is no patch. */
export function describePatch(patch: PackedPatch | "broken" | undefined, most: number): string | undefined {
  if (patch === undefined) return undefined;
  if (patch === "broken") return "(a packed patch that cannot be read)";
  let shown = "";
  for (const [index, operation] of patch.operations.entries()) {
    if (shown.length >= most) break;
    shown += `${index === 0 ? ": " : ", "}${describeOperation(operation)}`;
  }
  const end = shown.length > most ? `${shown.slice(0, most)}…` : shown;
  return `(revision ${patch.since} to ${patch.revision}${end})`;
}

/** A line for the patch, and one for each of its first `most` operations. */
export function patchLines(patch: PackedPatch | "broken", most: number): string[] {
  if (patch === "broken") return ["a packed patch that cannot be read"];
  const { since, revision, clears, operations } = patch;
  const lines = operations.slice(0, most).map((operation) => `  ${describeOperation(operation)}`);
  if (operations.length > most) lines.push("  …");
  return [`packed patch, revision ${since} to ${revision}${clears ? ", names all places again" : ""}`, ...lines];
}

function describeOperation({ pointer, splice, value }: PackedOperation): string {
  const place = pointer === "" ? "everything" : printable(pointer, LONGEST);
  if (value === undefined) return `${place} removed`;
  const at = splice === undefined ? "" : `[${splice.index}:${splice.index + splice.count}]`;
  return `${place}${at} = ${cut(show(value))}`;
}

function show(value: PackedValue): string {
  if (typeof value === "string") return value.length > LONGEST ? `${quoted(value.slice(0, LONGEST))}…` : quoted(value);
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<string, PackedValue>)].slice(0, MOST_ITEMS);
    return `{${entries.map(([key, item]) => `${show(key)}: ${cut(show(item))}`).join(", ")}${rest(value.size)}}`;
  }
  if (value === null || typeof value !== "object") return String(value);
  const items = value as readonly PackedValue[];
  return `[${items
    .slice(0, MOST_ITEMS)
    .map((item) => cut(show(item)))
    .join(", ")}${rest(items.length)}]`;
}

function rest(count: number): string {
  return count > MOST_ITEMS ? ", …" : "";
}

function cut(text: string): string {
  return text.length > 2 * LONGEST ? `${text.slice(0, 2 * LONGEST)}…` : text;
}
