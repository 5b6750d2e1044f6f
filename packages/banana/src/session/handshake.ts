// The negotiation of a dialect: the listener sends a list of names, the initiator one name (wire specification 3).

import { fromAscii, toLatin1 } from "../format/bytes.js";
import { encode } from "../codec.js";
import { BananaError } from "../errors.js";
import type { Expression } from "../expression/expression.js";
import type { Dialect } from "../format/vocabulary.js";

/** Error messages contain at most this many bytes, or elements, of what a peer sent. */
const MAX_SHOWN = 64;

// The listener sends the first message.

/** Encodes the first message of the listener: the names of its dialects, in order of preference. */
export function offerDialects(dialects: readonly Dialect[]): Uint8Array {
  return encode(dialects.map(({ name }) => fromAscii(name)));
}

// The initiator chooses the first name that it knows, in the order of the listener.

/**
 * Chooses a dialect from an offer. Skips elements that are not names, as Twisted does. Throws `BANANA_BAD_NEGOTIATION`
 * when the offer is not a list, and `BANANA_NO_COMMON_DIALECT` when no name is known. `inspect` is called with the
 * first name before that.
 */
export function chooseDialect(
  offer: Expression,
  known: readonly Dialect[],
  inspect?: (first: string) => void,
): Dialect {
  if (!Array.isArray(offer)) throw unexpected("a list of dialects", offer);
  const names = offer.filter((element) => element instanceof Uint8Array);
  inspect?.(show(names[0] ?? names));
  return firstKnown(names, known, `offers the dialects ${show(names)}`);
}

/** Encodes the first message of the initiator: the name that it chose. All later messages use that dialect. */
export function announceDialect(dialect: Dialect): Uint8Array {
  return encode(fromAscii(dialect.name));
}

// The listener reads the choice.

/**
 * Returns the chosen dialect. Throws `BANANA_BAD_NEGOTIATION` when the choice is not a name, and
 * `BANANA_NO_COMMON_DIALECT` when it was not offered.
 */
export function acceptDialect(choice: Expression, offered: readonly Dialect[]): Dialect {
  if (!(choice instanceof Uint8Array)) throw unexpected("the name of a dialect", choice);
  return firstKnown([choice], offered, `chose "${show(choice)}"`);
}

function firstKnown(names: readonly Uint8Array[], known: readonly Dialect[], peer: string): Dialect {
  for (const bytes of names) {
    // A peer may offer megabytes of names: a name is converted only when its length is that of a known one.
    const dialect = known.find(({ name }) => name.length === bytes.length && name === toLatin1(bytes));
    if (dialect !== undefined) return dialect;
  }
  const ours = known.map(({ name }) => name).join(" ");
  throw new BananaError("BANANA_NO_COMMON_DIALECT", `The peer ${peer}, expected one of (${ours})`, { offset: 0 });
}

function unexpected(wanted: string, received: Expression): BananaError {
  return new BananaError("BANANA_BAD_NEGOTIATION", `Expected ${wanted}, received ${show(received)}`, { offset: 0 });
}

/** The beginning of an expression from a peer, on one line. */
function show(expression: Expression): string {
  if (expression instanceof Uint8Array) return toLatin1(expression.subarray(0, MAX_SHOWN)).replace(/[^ -~]/g, "?");
  if (!Array.isArray(expression)) return String(expression);
  const elements = expression.slice(0, MAX_SHOWN).map((element) => (Array.isArray(element) ? "(…)" : show(element)));
  return `(${elements.join(" ")})`;
}
