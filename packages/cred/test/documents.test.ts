// Checks that the code in README.md, GUIDE.md and LOGINS.md is that of the programs in test/examples, and that these
// programs print what is expected.

import { readFileSync } from "node:fs";
import { describe, expect, test, vi } from "vitest";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const blocks = (text: string, language: string) =>
  Array.from(text.matchAll(/^```(\w*)\n([^]*?)^```$/gm), ([, tag, code = ""]) => ({ tag, code })).flatMap(
    ({ tag, code }) => (tag === language ? [code] : []),
  );

async function printed(load: () => Promise<unknown>): Promise<string> {
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  try {
    await load();
    // The output of the server may arrive after that of the client.
    await vi.waitFor(() => expect(log.mock.calls.length).toBeGreaterThan(2), { timeout: 120_000 });
    return log.mock.calls.map(([line]) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  } finally {
    log.mockRestore();
  }
}

describe("README.md", () => {
  const readme = read("../README.md");

  test("shows a program and its output", async () => {
    expect(blocks(readme, "ts")).toEqual([read("examples/shop.ts")]);
    expect(`${await printed(() => import("./examples/shop.js"))}\n`).toBe(blocks(readme, "")[0]);
  });
});

describe.each([
  [
    "GUIDE.md",
    "examples/guide.ts",
    ["1 High Street", '["Dinner at eight"]', "alice", "eve failed to log in", "Your membership has ended", "0"],
  ],
  [
    "LOGINS.md",
    "examples/logins.ts",
    ["carol", "alice", "bob", "A bearer token must not be sent over an unencrypted connection"],
  ],
])("%s", (document, example, lines) => {
  test("shows parts of a program", () => {
    const program = read(example);
    for (const block of blocks(read(`../${document}`), "ts")) expect(program).toContain(block);
  });

  test("shows a program that prints the expected lines", async () => {
    const load = () => (document === "GUIDE.md" ? import("./examples/guide.js") : import("./examples/logins.js"));
    expect((await printed(load)).split("\n")).toEqual(lines);
  });
});

test("LOGINS.md lists every limit with its default", async () => {
  const { defaultLoginLimits } = await import("@pb/cred");
  const rows = new Map(
    Array.from(read("../LOGINS.md").matchAll(/^\| `(\w+)` +\| ([\d,]+) +\|/gm), ([, name, value]) => [
      name,
      Number(value!.replaceAll(",", "")),
    ]),
  );
  expect(Object.fromEntries(rows)).toEqual(defaultLoginLimits);
});
