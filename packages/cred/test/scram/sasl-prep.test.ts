// Tests of the normalization of passwords.

import { expect, test } from "vitest";
import { saslPrep } from "../../src/scram/sasl-prep.js";

test.each([
  ["I\u00adX", "IX", "a character that is mapped to nothing (RFC 4013, section 3)"],
  ["user", "user", "plain text"],
  ["USER", "USER", "upper case, which is preserved"],
  ["\u00aa", "a", "a compatibility character"],
  ["\u2168", "IX", "a Roman numeral"],
  ["a\u00a0b\u3000c", "a b c", "space characters"],
  ["e\u0301", "\u00e9", "a letter with a combining accent"],
  ["\u0007", "\u0007", "a prohibited control character: the text is not changed"],
  ["\u2168\u0007", "\u2168\u0007", "a prohibited character among others: the text is not changed"],
])("prepares %j as %j: %s", (text, expected) => {
  expect(saslPrep(text)).toBe(expected);
});
