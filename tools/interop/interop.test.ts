import { describe, expect, inject, test } from "vitest";
import { pairings, runPairing, titleOf, unexpected } from "./pairings.js";

describe.each(inject("twisteds"))("Twisted $version", (twisted) => {
  test.each(pairings.map((pairing) => [titleOf(twisted, pairing), pairing] as const))(
    "%s",
    { timeout: 900_000 },
    async (_title, pairing) => {
      const verdicts = await runPairing(twisted, pairing);
      expect(unexpected(twisted, pairing, verdicts)).toEqual([]);
      expect(verdicts.length).toBe(
        { server: { root: 34, portal: 12 }, client: { root: 31, portal: 12 } }[pairing.half][pairing.variant],
      );
    },
  );
});
