// How two ends agree on a dialect: one list from the listener, one name from the initiator (wire specification 3).

import { fromAscii, toLatin1 } from "../format/bytes.js";
import { encode } from "../codec.js";
import { BananaError } from "../errors.js";
import type { Expression } from "../expression/expression.js";
import type { Dialect } from "../format/vocabulary.js";

/** More than this of a string or of a list that a peer sent is not shown. */
const SHOWN = 64;

// The listener speaks first …

/** The listener's first bytes: the names of its dialects, in order of preference. */
export function offerDialects(dialects: readonly Dialect[]): Uint8Array {
  return encode(dialects.map(({ name }) => fromAscii(name)));
}

// … the initiator takes the first name it knows, in the listener's order …

/**
 * Picks from an offer. Elements that are not names are passed over, as Twisted does. Throws `BANANA_BAD_NEGOTIATION` for anything but a list,
 * `BANANA_NO_COMMON_DIALECT` when no name is known.
 */
export function chooseDialect(offer: Expression, known: readonly Dialect[]): Dialect {
  if (!Array.isArray(offer)) throw unexpected("a list of dialects", offer);
  const names = offer.filter((element) => element instanceof Uint8Array);
  return firstKnown(names, known, `offers the dialects ${show(names)}; we know`);
}

/** The initiator's first bytes: the name it chose. Everything behind them is in that dialect. */
export function announceDialect(dialect: Dialect): Uint8Array {
  return encode(fromAscii(dialect.name));
}

// … and the listener hears which.

/** Reads the choice. Throws `BANANA_BAD_NEGOTIATION` for anything but a name, `BANANA_NO_COMMON_DIALECT` for one that was not offered. */
export function hearDialect(choice: Expression, offered: readonly Dialect[]): Dialect {
  if (!(choice instanceof Uint8Array)) throw unexpected("the name of a dialect", choice);
  return firstKnown([choice], offered, `chose "${show(choice)}"; offered were`);
}

function firstKnown(names: readonly Uint8Array[], known: readonly Dialect[], peer: string): Dialect {
  for (const bytes of names) {
    // A peer may offer megabytes of names: only those that may be ours are read.
    const dialect = known.find(({ name }) => name.length === bytes.length && name === toLatin1(bytes));
    if (dialect !== undefined) return dialect;
  }
  const ours = known.map(({ name }) => name).join(" ");
  throw new BananaError("BANANA_NO_COMMON_DIALECT", `The peer ${peer} (${ours})`, { offset: 0 });
}

function unexpected(wanted: string, received: Expression): BananaError {
  return new BananaError("BANANA_BAD_NEGOTIATION", `Expected ${wanted}, received ${show(received)}`, { offset: 0 });
}

/** The beginning of what a peer sent, on one line. */
function show(expression: Expression): string {
  if (expression instanceof Uint8Array) return toLatin1(expression.subarray(0, SHOWN)).replace(/[^ -~]/g, "?");
  if (!Array.isArray(expression)) return String(expression);
  const elements = expression.slice(0, SHOWN).map((element) => (Array.isArray(element) ? "(…)" : show(element)));
  return `(${elements.join(" ")})`;
}
