// How two ends agree on a dialect: one list from the listener, one name from the initiator (wire specification 3).

import { BananaError } from "./errors.js";
import type { ExpressionReader } from "./expression.js";
import { inspectNext } from "./inspect.js";
import type { Dialect } from "./vocabulary.js";
import { BananaWriter } from "./writer.js";

// The listener speaks first …

/** The listener's first bytes: the names of its dialects, in order of preference. */
export function offerDialects(dialects: readonly Dialect[]): Uint8Array {
  const writer = new BananaWriter();
  writer.list(dialects.length);
  for (const { name } of dialects) writer.word(name);
  return writer.take();
}

// … the initiator takes the first name it knows, in the listener's order …

/**
 * Reads an offer and picks from it. Elements that are not names are passed over, as Twisted does.
 * Throws `BANANA_BAD_NEGOTIATION` for anything but a list, `BANANA_NO_COMMON_DIALECT` when no name is known.
 */
export function chooseDialect(offer: ExpressionReader, known: readonly Dialect[]): Dialect {
  const { offset } = offer;
  if (offer.kind() !== "list") throw unexpected("a list of dialects", offer);
  const names: string[] = [];
  for (let left = offer.list(); left > 0; left--) {
    if (offer.kind() === "bytes") names.push(offer.word());
    else offer.skip();
  }
  for (const name of names) {
    const dialect = known.find((candidate) => candidate.name === name);
    if (dialect !== undefined) return dialect;
  }
  throw new BananaError(
    "BANANA_NO_COMMON_DIALECT",
    `The peer offers the dialects (${names.join(" ")}); we know (${namesOf(known)})`,
    { offset },
  );
}

/** The initiator's first bytes: the name it chose. Everything behind them is in that dialect. */
export function announceDialect(dialect: Dialect): Uint8Array {
  const writer = new BananaWriter();
  writer.word(dialect.name);
  return writer.take();
}

// … and the listener hears which.

/**
 * Reads the initiator's choice. Throws `BANANA_BAD_NEGOTIATION` for anything but a name, `BANANA_NO_COMMON_DIALECT` for a name that was
 * not offered.
 */
export function hearDialect(choice: ExpressionReader, offered: readonly Dialect[]): Dialect {
  const { offset } = choice;
  if (choice.kind() !== "bytes") throw unexpected("the name of a dialect", choice);
  const name = choice.word();
  const dialect = offered.find((candidate) => candidate.name === name);
  if (dialect !== undefined) return dialect;
  throw new BananaError(
    "BANANA_NO_COMMON_DIALECT",
    `The peer chose ${JSON.stringify(name)}; offered were (${namesOf(offered)})`,
    { offset },
  );
}

function namesOf(dialects: readonly Dialect[]): string {
  return dialects.map(({ name }) => name).join(" ");
}

function unexpected(wanted: string, reader: ExpressionReader): BananaError {
  const { offset } = reader;
  return new BananaError("BANANA_BAD_NEGOTIATION", `Expected ${wanted}, received ${inspectNext(reader)}`, { offset });
}
