// The form of traceparent (W3C Trace Context). packages/txpb/tests/test_txpb.py has the same rows.

import { expect, test } from "vitest";
import { readTraceparent } from "../../src/calls/trace-context.js";

const IDS = `${"0a".repeat(16)}-${"b2".repeat(8)}`;

test.each([
  [`00-${IDS}-01`, `00-${IDS}-01`],
  [`00-${IDS}-ff`, `00-${IDS}-ff`],
  [`00-${IDS}-01-more`, undefined],
  [`01-${IDS}-00`, `00-${IDS}-00`],
  [`01-${IDS}-03`, `00-${IDS}-01`],
  [`cc-${IDS}-01-what a later version adds`, `00-${IDS}-01`],
  [`cc-${IDS}-01${"-x".repeat(50_000)}`, `00-${IDS}-01`],
  [`cc-${IDS}-01.more`, undefined],
  [`ff-${IDS}-01`, undefined],
  [`00-${"0".repeat(32)}-${"b2".repeat(8)}-01`, undefined],
  [`00-${"0a".repeat(16)}-${"0".repeat(16)}-01`, undefined],
  [`00-${IDS.toUpperCase()}-01`, undefined],
  [`00-${IDS}-01\n`, undefined],
  [`01-${IDS}-01\n`, undefined],
  [`00-${IDS}`, undefined],
  ["", undefined],
  [5, undefined],
])("row %#", (value, expected) => {
  expect(readTraceparent(value)).toBe(expected);
});
