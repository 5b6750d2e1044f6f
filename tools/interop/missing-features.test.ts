// The contract in engines without some features: both halves of ours, which are loaded after those are removed.

import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { bundled } from "../process/bundled.js";
import { Program } from "../process/program.js";
import type { Verdict } from "./client.js";
import { checks } from "./client.js";
import { twistedProgram } from "./pairings.js";

/** What a browser on plain http, an older engine or a hardened realm does not have. */
const missing = {
  disposal: ["Symbol.dispose"], // Without it, there is no Symbol.asyncDispose either.
  asyncDisposal: ["Symbol.asyncDispose"],
  finalization: ["FinalizationRegistry"],
  weakReferences: ["WeakRef"],
  digests: ["crypto.subtle"],
  /** What the language or the platform got later than the classes and methods that the packages are compiled to. */
  newer: [
    "AbortSignal.any",
    "AbortSignal.timeout",
    "Array.fromAsync",
    "Array.prototype.toSorted",
    "Error.cause",
    "Promise.withResolvers",
    "String.prototype.isWellFormed",
    "structuredClone",
  ],
  /** Streams and frames of the web are objects that the program gives. */
  web: ["ReadableStream", "TransformStream", "WebSocket", "BroadcastChannel", "MessageChannel"],
};
const { disposal, asyncDisposal, finalization, weakReferences, digests, newer, web } = missing;

/** Each of them is missing while those that could replace it are there, and all of the older ones together. */
const rounds = [
  ["root", [...disposal, ...weakReferences]],
  ["root", [...asyncDisposal, ...finalization]],
  ["root", [...disposal, ...finalization, ...weakReferences, ...digests]],
  ["root", [...digests, ...newer, ...web]],
  ["portal", digests],
  ["portal", [...disposal, ...finalization, ...weakReferences, ...digests]],
] as const;

const twisted = inject("twisteds")[0];

/** How many checks Twisted's client has. */
const rows = { root: 34, portal: 12 };

describe.skipIf(twisted === undefined)("our halves of the contract", () => {
  let servers: Program[];
  let ours: Program;

  beforeAll(async () => {
    servers = ["root", "portal"].map((it) => twistedProgram(twisted!, "pb_server.py", it, "0", "--lifetime", "900"));
    const ports: string[] = [];
    for (const server of servers) ports.push(String((await server.nextJson<{ listening: number }>()).listening));
    const command = [process.execPath, "tools/interop/features.mjs", bundled("tools/interop/halves.ts")!, ...ports];
    ours = new Program("our halves of the contract", command as [string, ...string[]]);
  }, 300_000);
  afterAll(async () => {
    await ours.endInput();
    for (const server of servers) await server.stop();
  });

  test.each(rounds)("pass all checks (%s) without %s", { timeout: 600_000 }, async (variant, removed) => {
    ours.writeLine(JSON.stringify({ variant, removed }));
    const verdicts = await ours.nextJson<Verdict[]>();
    const { listening } = await ours.nextJson<{ listening: number }>();
    onTestFinished(() => ours.writeLine("")); // Its next features are removed after this.
    expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
    expect(verdicts).toHaveLength(Object.keys(checks[variant]).length);

    await using client = twistedProgram(twisted!, "pb_client.py", variant, String(listening), "--timeout", "180");
    await client.exit;
    const lines = client.stdout.split("\n").filter((line) => line.startsWith("{"));
    const results = lines.map((line) => JSON.parse(line) as Verdict | { readonly summary: unknown });
    expect(results.filter((result) => "ok" in result && !result.ok)).toEqual([]);
    expect(results.at(-1), client.stderr).toEqual({ summary: { ok: rows[variant], failed: 0, skipped: 0 } });
  });
});
