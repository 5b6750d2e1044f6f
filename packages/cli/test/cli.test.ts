// The command line: help, mistakes, completion, and `pb` as a program of its own.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { typescript } from "../../../tools/process/program.js";
import { folder } from "../../node-transport/test/support/echo.js";
import { pb } from "./support.js";

const commands = [
  "call",
  "doctor",
  "tap",
  "decode",
  "stats",
  "replay",
  "gateway",
  "typegen",
  "top",
  "sessions",
  "passwd",
  "completion",
];

test.each([[[]], ...commands.map((command) => [[command]])])("%j has help with examples", async (command) => {
  const { status, stdout, stderr } = await pb([...command, "--help"]);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/^Usage: pb /);
  expect(stdout).toMatch(/\nExamples:\n {2}pb /);
});

test.each([
  [["cal"], "Did you mean call?"],
  [["call", "--jsn"], "Did you mean --json?"],
  [["call", "tcp:a:1"], "missing required argument 'path'"],
  [["doctor", "tcp:a:1", "x"], "too many arguments"],
  [["completion", "tcsh"], "Allowed choices are bash, zsh, fish"],
])("%j is a mistake with exit status 2", async (args, message) => {
  expect(await pb(args)).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(message) });
});

test("without arguments, the help is shown as an error", async () => {
  expect(await pb([])).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining("Usage: pb") });
});

test.each(["bash", "zsh", "fish"])("completes commands and options in %s", async (shell) => {
  const { stdout } = await pb(["completion", shell]);
  for (const word of commands) expect(stdout).toContain(word);
  expect(stdout).toMatch(/(--| -l )secret-file/);
});

test("bash accepts its script, and completes with it", async () => {
  const { stdout } = await pb(["completion", "bash"]);
  const complete = (words: string): string =>
    spawnSync(
      "bash",
      ["-c", `${stdout}\nCOMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _pb; echo "\${COMPREPLY[*]}"`],
      {
        encoding: "utf8",
      },
    ).stdout.trim();
  expect(complete("pb do")).toBe("doctor");
  expect(complete("pb call --sec")).toBe("--secret-env --secret-file");
  expect(complete("pb completion f")).toBe("fish");
});

test("runs as a program", () => {
  const [node, ...args] = typescript(
    fileURLToPath(new URL("../bin/pb.js", import.meta.url)),
    "call",
    "tcp:x",
    "root.a",
  );
  const { status, stderr, stdout } = spawnSync(node, args, { encoding: "utf8" });
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
  expect(stderr).toContain("(ENDPOINT_INVALID)");
});

test("says what to run in a clone whose packages are not built", () => {
  using files = folder();
  const bin = files.file("node_modules/@pb/cli/bin/pb.js");
  mkdirSync(dirname(bin), { recursive: true });
  cpSync(new URL("../bin/pb.js", import.meta.url), bin);
  cpSync(new URL("../package.json", import.meta.url), join(dirname(bin), "../package.json"));
  const { status, stderr, stdout } = spawnSync(process.execPath, [bin, "--help"], { encoding: "utf8" });
  const expected = "pb: the packages are not built: run npm run build in the folder of the repository\n";
  expect([status, stdout, stderr]).toEqual([70, "", expected]);
});
