// The faults: each begins one, waits for what should happen, and ends it.

import { setTimeout as sleep } from "node:timers/promises";
import { leaderOf } from "../e2e/nats/nats-cluster.js";
import type { NatsServer } from "../e2e/nats/nats-server.js";
import { until } from "../process/program.js";
import type { Fleet } from "./fleet.js";

/** What a fault has done. */
export interface Outcome {
  /** Milliseconds from the fault until another node was home. Undefined: the same node stayed home. */
  readonly takeoverMs?: number;
  /** Milliseconds from the end of the fault until all viewers had the current state. */
  readonly recoveryMs: number;
  /** Viewers that showed `stale` meanwhile. */
  readonly stale: number;
}

export const scenarios: Readonly<Record<string, (fleet: Fleet) => Promise<Outcome>>> = {
  async "the home is killed"(fleet) {
    const { home, auditor } = fleet;
    home.program.kill();
    const takeoverMs = await fleet.takeover(auditor.epoch);
    return recover(fleet, takeoverMs, () => home.start());
  },

  async "the home is frozen, and wakes up after the takeover"(fleet) {
    const { home, auditor } = fleet;
    await home.program.freeze();
    const takeoverMs = await fleet.takeover(auditor.epoch);
    return recover(fleet, takeoverMs, async () => home.program.kill("SIGCONT"));
  },

  async "the network between the home and NATS is silent"(fleet) {
    const { home, auditor } = fleet;
    home.cable.silence();
    const takeoverMs = await fleet.takeover(auditor.epoch);
    await until(async () => (await fleet.look()).stale >= fleet.options.viewersPerNode, "its viewers to be stale");
    return recover(fleet, takeoverMs, async () => home.cable.mend());
  },

  async "a node that is not home is killed"(fleet) {
    const node = fleet.nodes.find((other) => other !== fleet.home)!;
    node.program.kill();
    await fleet.proceed();
    return recover(fleet, undefined, () => node.start());
  },

  async "NATS is killed, and started 3 seconds later"(fleet) {
    await fleet.server.kill();
    await allStale(fleet);
    await sleep(3000);
    return recover(fleet, undefined, () => fleet.server.start());
  },

  async "NATS is frozen for two leases"(fleet) {
    await fleet.server.freeze();
    await Promise.all([allStale(fleet), sleep(2 * fleet.options.leaseMs)]);
    return recover(fleet, undefined, async () => fleet.server.thaw());
  },

  async "the home and NATS are killed at once"(fleet) {
    const { home } = fleet;
    home.program.kill();
    await fleet.server.kill();
    await sleep(500);
    const { epoch } = fleet.auditor;
    await fleet.server.start();
    const takeoverMs = await fleet.takeover(epoch);
    return recover(fleet, takeoverMs, () => home.start());
  },
};

/** Those of a fleet whose first node runs on another host. */
export const hostScenarios: typeof scenarios = {
  async "the host of the home is cut off: all packets are lost"(fleet) {
    const { host } = fleet.options;
    const { epoch } = fleet.auditor;
    host!.cut();
    const takeoverMs = await fleet.takeover(epoch);
    await fleet.proceed();
    return recover(fleet, takeoverMs, async () => host!.mend());
  },
};

/** Those of a fleet with three NATS servers. */
export const replicatedScenarios: typeof scenarios = {
  async "3 NATS servers: the one that leads the stream is killed"(fleet) {
    const leader = await leading(fleet);
    await leader.kill();
    await fleet.proceed();
    return recover(fleet, undefined, () => leader.start());
  },

  async "3 NATS servers: the one that leads the stream is frozen"(fleet) {
    const leader = await leading(fleet);
    await leader.freeze();
    await fleet.proceed();
    return recover(fleet, undefined, async () => leader.thaw());
  },
};

async function leading(fleet: Fleet): Promise<NatsServer> {
  let leader: NatsServer | undefined;
  await until(async () => {
    leader = await leaderOf("pb-logs", fleet.servers);
    return leader !== undefined;
  }, "a leader of the stream");
  return leader!;
}

async function allStale(fleet: Fleet): Promise<void> {
  await until(async () => {
    const { stale, viewers } = await fleet.look();
    return stale === viewers;
  }, "all viewers to be stale");
}

async function recover(fleet: Fleet, takeoverMs: number | undefined, end: () => Promise<void>): Promise<Outcome> {
  const { stale } = await fleet.look();
  await end();
  const start = performance.now();
  await fleet.settle();
  const recoveryMs = Math.round(performance.now() - start);
  return { ...(takeoverMs !== undefined && { takeoverMs }), recoveryMs, stale };
}
