// The commands on the pages about pb have names and options that exist.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { pb } from "./support.js";

/** The commands in the blocks of a page, without their comments and pipes. */
function commandsOf(page: string): string[] {
  const text = readFileSync(new URL(`../${page}`, import.meta.url), "utf8");
  const blocks = [...text.matchAll(/```(?:sh|text)\n([^]*?)```/g)].map(([, block]) => block!);
  return blocks.flatMap((block) =>
    [...block.matchAll(/^(?:\$ )?(pb [^\n]*?)(?: +[#|>][^\n]*)?$/gm)].map(([, command]) => command!),
  );
}

describe.each([
  ["README.md", 15],
  ["DEBUGGING.md", 5],
])("%s", (page, least) => {
  const commands = commandsOf(page);

  test("has commands", () => expect(commands.length).toBeGreaterThan(least));

  test.each(commands)("%s", async (line) => {
    const [, command = "", ...words] = line.split(/\s+/);
    const { status, stdout } = await pb(command.startsWith("--") ? ["--help"] : [command, "--help"]);
    expect(status).toBe(0);
    expect(stdout.startsWith(command.startsWith("--") ? "Usage: pb " : `Usage: pb ${command} `)).toBe(true);
    const options = [command, ...words].filter((word) => /^--?[a-z]/.test(word));
    for (const option of options) expect(stdout).toMatch(new RegExp(`^ .*${option}\\b`, "m"));
  });
});
