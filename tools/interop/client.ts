// Our client half of the contract: runs the checks against a server, each on a connection of its own.

import { none, pb } from "@pb/banana";
import type { Broker } from "@pb/broker";
import { connect } from "@pb/node-transport";
import type { Check } from "./check.js";
import { brokerOptions } from "./contract.js";
import { portalChecks } from "./portal-checks.js";
import { rootChecks } from "./root-checks.js";
import type { Variant } from "./server.js";

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly dialect: "pb" | "none";
}

export interface Selection {
  readonly only: readonly string[];
  readonly skip: readonly string[];
  /** Prints the names of the checks and runs none. */
  readonly list: boolean;
  readonly print: (line: string) => void;
}

/** Milliseconds for one check. */
const CHECK_MS = 15_000;

/** Prints one line of JSON for each check and a summary; returns the exit status. */
export async function runChecks(
  variant: Variant,
  target: Target,
  { only, skip, list, print }: Selection,
): Promise<0 | 1> {
  const checks: Readonly<Record<string, Check>> = variant === "root" ? rootChecks : portalChecks;
  const summary = { ok: 0, failed: 0, skipped: 0 };
  for (const [name, check] of Object.entries(checks)) {
    if (list) {
      print(name);
      continue;
    }
    if ((only.length > 0 && !only.includes(name)) || skip.includes(name)) {
      summary.skipped++;
      continue;
    }
    const { ok, detail } = await runCheck(check, target);
    summary[ok ? "ok" : "failed"]++;
    print(JSON.stringify({ check: name, ok, detail }));
  }
  if (!list) print(JSON.stringify({ summary }));
  return summary.failed > 0 ? 1 : 0;
}

async function runCheck(check: Check, target: Target): Promise<{ ok: boolean; detail: string }> {
  const connections: Broker[] = [];
  const another = async (): Promise<Broker> => {
    const dialects = target.dialect === "pb" ? [pb, none] : [none];
    const { host, port } = target;
    const connection = await connect({ type: "tcp", host, port }, { broker: { ...brokerOptions, dialects } });
    connections.push(connection);
    return connection;
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const connection = await another();
    const root = await connection.getRootObject();
    const tooLong = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not done in ${CHECK_MS} ms`)), CHECK_MS);
    });
    const detail = await Promise.race([check({ connection, root, another }), tooLong]);
    return { ok: true, detail: detail ?? "" };
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  } finally {
    clearTimeout(timer);
    await Promise.all(connections.map((connection) => connection.close()));
  }
}
