// The engine on three NATS servers with `replicas: 3`: its contract, and the races in which NATS stores two records.

import { jetstream } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { natsEngine } from "@pb/cluster/nats";
import { engineCompliance } from "@pb/cluster/testing";
import { NatsSystem } from "../e2e/nats/nats-system.js";
import type { NatsServer } from "../e2e/nats/nats-server.js";

/** What the races have shown. */
export interface Races {
  readonly rounds: number;
  /** Rounds in which the server has stored two records that should follow the same one. */
  readonly storedBoth: number;
  /** Rounds in which not exactly one engine has appended, or readers do not agree: must be 0. */
  readonly wrong: number;
}

const PREFIX = "races";

/** Runs the compliance checks of engines. Rejects with the error of the first one that fails. */
export async function checkContract(servers: readonly NatsServer[]): Promise<number> {
  let turn = 0;
  await using system = new NatsSystem(() => servers[turn++ % servers.length]!, 3);
  for (const { name, run } of engineCompliance)
    await run(system).catch((error: unknown) => {
      throw new Error(`With three NATS servers: ${name}`, { cause: error });
    });
  return engineCompliance.length;
}

/** Lets writers on different servers append after the same record: without the fence, and then with it. */
export async function race(servers: readonly NatsServer[], rounds: number): Promise<Races> {
  const engines = await Promise.all(
    servers.map((server) => natsEngine({ servers: server.servers, prefix: PREFIX, replicas: 3 })),
  );
  const storedBoth = await raceWithoutFence(servers, rounds);
  const seen: string[][] = engines.map(() => []);
  for (const [index, engine] of engines.entries())
    await engine.follow("fenced", (record) => seen[index]!.push(new TextDecoder().decode(record)));
  const expected: string[] = [];
  let [last, wrong] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const texts = engines.map((_engine, index) => `${round} by ${index}`);
    const all = await Promise.allSettled(
      engines.map((engine, index) => engine.append("fenced", new TextEncoder().encode(texts[index]), last)),
    );
    const won = all.flatMap((result, index) =>
      result.status === "fulfilled" ? [{ index, number: result.value }] : [],
    );
    if (won.length !== 1) wrong++;
    for (const { index, number } of won) {
      expected.push(texts[index]!);
      last = number;
    }
  }
  await Promise.all(
    engines.map((engine) => engine.append("fenced", new TextEncoder().encode("end"), last).catch(() => 0)),
  );
  const end = performance.now() + 30_000;
  while (seen.some((records) => records.at(-1) !== "end") && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 20));
  wrong += seen.filter((records) => records.join() !== [...expected, "end"].join()).length;
  await Promise.all(engines.map((engine) => engine.close()));
  return { rounds, storedBoth, wrong };
}

async function raceWithoutFence(servers: readonly NatsServer[], rounds: number): Promise<number> {
  const connections = await Promise.all(servers.map((server) => connect({ servers: server.servers })));
  const clients = connections.map((nc) => jetstream(nc));
  let [last, storedBoth] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const expect = { streamName: `${PREFIX}-logs`, lastSubjectSequence: last };
    const all = await Promise.allSettled(
      clients.map((js) => js.publish(`${PREFIX}.log.raw`, `${round}`, { headers: headers(), expect })),
    );
    const stored = all.flatMap((result) => (result.status === "fulfilled" ? [result.value.seq] : []));
    if (stored.length > 1) storedBoth++;
    last = Math.max(last, ...stored);
  }
  await Promise.all(connections.map((nc) => nc.close()));
  return storedBoth;
}
