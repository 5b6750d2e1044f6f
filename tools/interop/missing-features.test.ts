// The contract in engines without some features: both halves of ours, each in a process that first removes them.

import { describe, expect, inject, test } from "vitest";
import { Program, typescript } from "../process/program.js";
import { twistedProgram } from "./pairings.js";

/** What a browser on plain http, an older engine or a hardened realm does not have. */
const removals = [
  "Symbol.dispose",
  "FinalizationRegistry",
  "WeakRef",
  "crypto.subtle",
  "Symbol.dispose,FinalizationRegistry,WeakRef,crypto.subtle",
];

const twisted = inject("twisteds")[0];

interface Summary {
  readonly summary?: { readonly ok: number; readonly failed: number };
}

/** Our half of the contract, without the features. */
function ours(removed: string, ...args: string[]): Program {
  const [node, ...rest] = typescript("tools/interop/main.ts", ...args);
  const command = [node, "--import", "./tools/interop/remove-features.mjs", ...rest] as const;
  return new Program(`the contract without ${removed}`, command, { env: { ...process.env, PB_REMOVE: removed } });
}

/** The lines of the checks that failed, and the summary. */
function result(output: string): unknown {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  const verdicts = lines.map((line) => JSON.parse(line) as Summary & { readonly ok?: boolean });
  const { summary } = verdicts.at(-1) ?? {};
  return { failed: verdicts.filter(({ ok }) => ok === false), ok: summary?.ok };
}

/** How many checks the two halves have. Logins use `crypto` only. */
const rows = {
  client: { root: 31, portal: 12 },
  server: { root: 34, portal: 12 },
};

describe.skipIf(twisted === undefined).each(removals)("without %s", (removed) => {
  const variants = removed.includes("crypto") ? (["root", "portal"] as const) : (["root"] as const);

  test.each(variants)("our client passes all checks of the contract: %s", { timeout: 300_000 }, async (variant) => {
    await using server = twistedProgram(twisted!, "pb_server.py", variant, "0", "--lifetime", "300");
    const { listening } = await server.nextJson<{ listening: number }>();
    const portal = variant === "portal" ? ["--portal"] : [];
    await using client = ours(removed, "client", "--port", String(listening), ...portal);
    await client.exit;
    expect(result(client.stdout), client.stderr).toEqual({ failed: [], ok: rows.client[variant] });
  });

  test.each(variants)("our server passes all checks of the contract: %s", { timeout: 300_000 }, async (variant) => {
    await using server = ours(removed, "server", "--port", "0", ...(variant === "portal" ? ["--portal"] : []));
    const { listening } = await server.nextJson<{ listening: number }>();
    await using client = twistedProgram(twisted!, "pb_client.py", variant, String(listening), "--timeout", "180");
    await client.exit;
    expect(result(client.stdout), client.stderr).toEqual({ failed: [], ok: rows.server[variant] });
  });
});
