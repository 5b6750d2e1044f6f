// `pb tap` between two unmodified Twisted programs.

import { fileURLToPath } from "node:url";
import { readFileSync } from "node:fs";
import { describe, expect, inject, test } from "vitest";
import { folder, until } from "../../../node-transport/test/support/echo.js";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { pb } from "../support.js";

const peer = (name: string): string =>
  fileURLToPath(new URL(`../../../../tools/interop/peers/${name}.py`, import.meta.url));

const twisteds = inject("twisteds");

describe.skipIf(twisteds.length === 0).each(twisteds)("with Twisted $version at both ends", ({ python }) => {
  const start = (name: string, ...args: string[]): Program =>
    new Program(name, [python, peer(name), ...args], { env: pythonEnvironment() });

  // The contract contains logins, errors, references, copies, caches, pages and large messages.
  test("the whole contract passes, every byte is decoded, and no password is recorded", async () => {
    using files = folder();
    const file = files.file("portal.pbrec");
    const interrupt = new AbortController();
    const seen = { stdout: "", stderr: "" };
    await using server = start("pb_server", "portal", "0");
    const { listening } = await server.nextJson<{ listening: number }>();
    const args = ["tap", "--listen", "tcp:0", "--to", `tcp:127.0.0.1:${listening}`, "-o", file, "--quiet"];
    const tap = pb(args, { signal: interrupt.signal, seen });
    try {
      await until(() => seen.stderr.includes("listening at"), "pb tap");
      const port = /listening at tcp:(\d+)/.exec(seen.stderr)![1]!;
      await using client = start("pb_client", "portal", port, "--timeout", "180");
      await client.exit;
      const results = client.stdout.trim().split("\n");
      const summary = (JSON.parse(results.at(-1)!) as { summary: { failed: number } }).summary;
      expect(summary, results.filter((line) => line.includes('"ok": false')).join("\n")).toMatchObject({ failed: 0 });
    } finally {
      interrupt.abort(new DOMException("Interrupted", "AbortError"));
      await tap;
    }
    const counted = JSON.parse((await pb(["stats", file, "--json"])).stdout) as Record<string, unknown>;
    expect(counted).toMatchObject({ opaqueBytes: { client: 0, server: 0 } });
    const decoded = await pb(["decode", file]);
    expect(decoded).toMatchObject({ status: 0, stderr: "" });
    expect(decoded.stdout).not.toMatch(/is no message|cannot be decoded/);
    expect(decoded.stdout).toMatch(/login#\d+\.respond\(b"\[redacted\]", /);
    expect(readFileSync(file, "utf8")).toContain('"redacted":1');
  });
});
