// Starts the Twisted halves of the contract as processes, on loopback.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { pythonEnvironment } from "../twisted/twisted.js";
import type { Twisted } from "../twisted/twisted.js";
import type { Variant } from "./server.js";

/** Seconds after which a forgotten peer stops by itself. */
const LIFETIME = 120;

const script = (name: string): string => fileURLToPath(new URL(`peers/${name}`, import.meta.url));

function start({ python }: Twisted, args: string[]): ChildProcess {
  return spawn(python, args, { env: pythonEnvironment(), stdio: ["ignore", "pipe", "inherit"] });
}

/** A Twisted server that listens. */
export interface TwistedServer extends AsyncDisposable {
  readonly port: number;
}

export async function startTwistedServer(twisted: Twisted, variant: Variant): Promise<TwistedServer> {
  const child = start(twisted, [script("pb_server.py"), variant, "0", "--lifetime", String(LIFETIME)]);
  const exited = once(child, "exit");
  const firstLine = once(createInterface(child.stdout!), "line") as Promise<[string]>;
  const [line] = await Promise.race([firstLine, exited.then(() => ["{}"])]);
  const { listening } = JSON.parse(line) as { listening?: number };
  if (listening === undefined) throw new Error(`Twisted ${twisted.version} did not start its ${variant} server`);
  return {
    port: listening,
    async [Symbol.asyncDispose]() {
      child.kill();
      await exited;
    },
  };
}

/** One line of a client half: a check and how it went. */
export interface Verdict {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Runs Twisted's client against a server of ours. */
export async function runTwistedClient(
  twisted: Twisted,
  variant: Variant,
  port: number,
  dialect: "pb" | "none",
): Promise<Verdict[]> {
  const child = start(twisted, [script("pb_client.py"), variant, String(port), "--dialect", dialect]);
  const exited = once(child, "exit");
  const verdicts: Verdict[] = [];
  let isSummed = false;
  for await (const line of createInterface(child.stdout!)) {
    const told = JSON.parse(line) as Verdict | { readonly summary: unknown };
    if ("check" in told) verdicts.push(told);
    else isSummed = true;
  }
  await exited;
  if (!isSummed) throw new Error(`Twisted ${twisted.version} did not finish its ${variant} checks`);
  return verdicts;
}
