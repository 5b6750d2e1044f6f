// What connections cost, and whether calls cost more where there is much of everything.

import { Contender } from "./contender.js";
import type { Name } from "./contender.js";
import type { Memory } from "./party.js";
import { measureRates } from "./rounds.js";

/** Connections that are opened to see what one costs. */
const CONNECTIONS = 1000;

export interface ConnectionCost {
  readonly name: Name;
  /** To open one, one after the other. */
  readonly seconds: number;
  /** Bytes at the server and at the client for one that is idle. */
  readonly server: number;
  readonly client: number;
}

/** Opens a thousand connections of each, which stay, and closes them again. */
export async function measureConnections(contenders: readonly Contender[]): Promise<ConnectionCost[]> {
  const costs: ConnectionCost[] = [];
  for (const { name, server, client } of contenders) {
    await client.ask("connect", 50); // whatever is made once is made now
    const before = [await server.ask<Memory>("memory"), await client.ask<Memory>("memory")];
    const { seconds } = await client.ask("connect", CONNECTIONS);
    const after = [await server.ask<Memory>("memory"), await client.ask<Memory>("memory")];
    await client.ask("connect", 0);
    const each = (side: number): number => (after[side]!.used - before[side]!.used) / CONNECTIONS;
    costs.push({ name, seconds: seconds / CONNECTIONS, server: each(0), client: each(1) });
  }
  return costs;
}

export interface Growth {
  /** What there are many of. */
  readonly what: string;
  /** Calls per second with 100 in flight. */
  readonly rate: number;
  /** Processor time of a call, of both sides, as a multiple of what it is compared with. */
  readonly cost: number;
  readonly comparedWith: string;
}

/** What is set up before the calls, in a pair of processes of its own. */
interface Setting {
  readonly what: string;
  readonly name?: Name;
  readonly references?: number;
  readonly connections?: number;
}

/** Calls where there is more and more of everything. */
export async function measureGrowth(rounds: number): Promise<Growth[]> {
  const found: Growth[] = [];
  /** All settings beside each other, so that they can be compared round by round: with the first, or each with the one before it. */
  const measure = async (
    work: "hundred" | "spread",
    settings: readonly Setting[],
    comparesPairs: boolean,
  ): Promise<void> => {
    const grown: Contender[] = [];
    try {
      for (const { name = "@pb", references, connections } of settings) {
        const contender = await Contender.start(name);
        if (contender === undefined) throw new Error(`${name} cannot be started`);
        grown.push(contender);
        if (references !== undefined) await contender.client.ask("hold", references);
        if (connections !== undefined) await contender.client.ask("connect", connections);
      }
      const rates = await measureRates(grown, work, { rounds });
      for (const [index, { rate, cpu }] of rates.entries()) {
        const against = comparesPairs ? index - (index % 2) : 0;
        if (index === against && comparesPairs) continue;
        const comparedWith = settings[against]!.what;
        found.push({ what: settings[index]!.what, rate: rate.median, cost: cpu / rates[against]!.cpu, comparedWith });
      }
    } finally {
      for (const contender of grown) contender[Symbol.dispose]();
    }
  };
  const alone = { what: "nothing else" };
  const references = [1_000, 10_000, 100_000].map((count) => ({
    what: `${many(count)} live references`,
    references: count,
  }));
  const idle = [10, 100, 1_000].map((count) => ({ what: `${many(count)} other connections`, connections: count }));
  await measure("hundred", [alone, ...references, ...idle], false);
  const spread = [10, 100, 1_000].flatMap((count) => [
    { what: "raw JSON in the same way", name: "raw JSON" as const, connections: count },
    { what: `calls over ${many(count)} connections in turn`, connections: count },
  ]);
  await measure("spread", spread, true);
  return found;
}

function many(count: number): string {
  return count.toLocaleString("en");
}
