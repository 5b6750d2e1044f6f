// Runs tests that leave something behind, each in a way of its own, and expects that they fail.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly failureMessages: readonly string[] }[];
  }[];
}

test("a test that leaves something behind fails, and its error says what and where", () => {
  const config = "--config=tools/leftovers/fixture/vitest.config.ts";
  const folder = mkdtempSync(join(tmpdir(), "pb-leftovers-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "report.json");
  const reporters = ["--reporter=json", `--outputFile.json=${file}`, "--reporter=default"];
  const args = ["node_modules/vitest/vitest.mjs", "run", config, ...reporters];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  expect(status, stderr).toBe(1);
  const { testResults } = JSON.parse(readFileSync(file, "utf8")) as Report;
  const failures = testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ title, failureMessages }) => [title, failureMessages[0] ?? "passed"]),
  );
  expect(Object.fromEntries(failures)).toEqual({
    nothing: "passed",
    "a timer that starts itself again": "passed",
    "a timer": expect.stringMatching(/setTimeout of 60000 ms\s+at after .*broker\/src\/timer\.ts:\d+/),
    "a listener of a signal": expect.stringMatching(/"abort" of an AbortSignal\s+at startDeadline .*deadline\.ts:\d+/),
    "a listener of a stream": expect.stringMatching(
      /listener of "data" of PassThrough\s+at .*\s+at .*socket-link\.ts:\d+/,
    ),
    "a server": expect.stringContaining("1 TCPServerWrap"),
    "a connection": expect.stringMatching(/2 TCPSocketWrap/),
    "a client that waits for its next attempt": expect.stringMatching(
      /setTimeout of [\d.]+ ms.*reconnecting-client\.ts/s,
    ),
    "a child process": expect.stringContaining("1 ProcessWrap"),
    "an unhandled rejection": "passed", // vitest reports it for the whole run
  });
  expect(stdout + stderr).toContain("nobody handles this");
});
