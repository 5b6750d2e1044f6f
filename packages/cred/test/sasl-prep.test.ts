import { expect, test } from "vitest";
import { saslPrep } from "../src/scram/sasl-prep.js";

test.each([
  ["I\u00adX", "IX", "what is mapped to nothing (RFC 4013, section 3)"],
  ["user", "user", "plain text"],
  ["USER", "USER", "upper case, which is kept"],
  ["\u00aa", "a", "a compatibility character"],
  ["\u2168", "IX", "a Roman numeral"],
  ["a\u00a0b\u3000c", "a b c", "spaces of all kinds"],
  ["e\u0301", "\u00e9", "a letter and its accent"],
  ["\u0007", "\u0007", "a control character, which is prohibited: the text stays as it is"],
  ["\u2168\u0007", "\u2168\u0007", "one prohibited character among others"],
])("brings %j to %j: %s", (given, wanted) => {
  expect(saslPrep(given)).toBe(wanted);
});
