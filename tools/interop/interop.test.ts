import { describe, expect, inject, test } from "vitest";
import { complaints, judge, settings, titleOf } from "./judge.js";

const twisteds = inject("twisteds");

describe.each(twisteds)("Twisted $version", (twisted) => {
  test.each(settings.map((setting) => [titleOf(twisted, setting), setting] as const))(
    "%s",
    async (_title, setting) => {
      const verdicts = await judge(twisted, setting);
      expect(complaints(twisted, setting, verdicts)).toEqual([]);
      expect(verdicts.length).toBe(
        { server: { root: 34, portal: 12 }, client: { root: 31, portal: 12 } }[setting.half][setting.variant],
      );
    },
    60_000,
  );
});
