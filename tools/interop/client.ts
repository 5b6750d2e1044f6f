// Our client half of the contract: runs the checks against a server, each on its own connection. Runs in browsers, too.

import { none, pb } from "@pb/banana";
import type { Broker, BrokerOptions } from "@pb/broker";
import { withDeadline } from "@pb/broker/extension";
import type { Check } from "./checks/check.js";
import { brokerOptions } from "./contract.js";
import type { Dialect, Variant } from "./contract.js";
import { portalChecks } from "./checks/portal-checks.js";
import { rootChecks } from "./checks/root-checks.js";

export const checks: Readonly<Record<Variant, Readonly<Record<string, Check>>>> = {
  root: rootChecks,
  portal: portalChecks,
};

export interface Target {
  readonly variant: Variant;
  readonly dialect: Dialect;
  /** Connects to the server. */
  readonly connect: (broker: BrokerOptions) => Promise<Broker>;
}

/** The result of a check, as Twisted's client half prints it. */
export interface Verdict {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Ends a check that hangs. */
const CHECK_TIMEOUT_MS = 180_000;
const timeoutError = (ms: number): Error => new Error(`timed out after ${ms} ms`);

/** Runs the checks whose names are wanted, one after the other. */
export async function* runChecks(target: Target, isWanted = (_name: string): boolean => true): AsyncGenerator<Verdict> {
  for (const [name, check] of Object.entries(checks[target.variant])) {
    if (isWanted(name)) yield await runCheck(name, check, target);
  }
}

export async function allVerdicts(target: Target): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for await (const verdict of runChecks(target)) verdicts.push(verdict);
  return verdicts;
}

/** Runs one check on a new connection. */
async function runCheck(name: string, check: Check, { connect, dialect }: Target): Promise<Verdict> {
  const connections: Broker[] = [];
  const dialects = dialect === "pb" ? [pb, none] : [none];
  const open = async (): Promise<Broker> => {
    const connection = await connect({ ...brokerOptions, dialects });
    connections.push(connection);
    return connection;
  };
  try {
    const connection = await open();
    const root = await connection.getRootObject();
    const call = <Result>(method: string, ...args: unknown[]): Promise<Result> =>
      root.callRemote(method, ...args) as Promise<Result>;
    const detail = await withDeadline({ timeoutMs: CHECK_TIMEOUT_MS }, timeoutError, () =>
      check({ connection, root, call, openAnother: open }),
    );
    return { check: name, ok: true, detail: typeof detail === "string" ? detail : "" };
  } catch (error) {
    const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return { check: name, ok: false, detail };
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
}
