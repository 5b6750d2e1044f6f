// NATS engines for the compliance checks.

import type { ClusterEngine } from "@pb/cluster";
import { natsEngine } from "@pb/cluster/nats";
import type { EngineSystem } from "@pb/cluster/testing";
import { until } from "../../process/program.js";
import { Cable } from "./cable.js";
import type { NatsServer } from "./nats-server.js";

/** Longer than the server or an engine pauses on a busy machine. One check waits for the end of a lease. */
const LEASE_MS = 3000;

/** Engines, each with a cable of its own. */
export class NatsSystem implements EngineSystem, AsyncDisposable {
  readonly #server: () => NatsServer;
  readonly #replicas: number;
  readonly #cables = new Map<ClusterEngine, Cable>();
  /** The keys that each engine has asked for. */
  readonly #claimed = new Map<ClusterEngine, ReadonlySet<string>>();
  /** What each engine sees: who holds which key. */
  readonly #holders = new Map<ClusterEngine, Map<string, string | undefined>>();

  /** `server` returns the server of the next engine. */
  constructor(server: () => NatsServer, replicas = 1) {
    this.#server = server;
    this.#replicas = replicas;
  }

  async engine(): Promise<ClusterEngine> {
    const cable = await Cable.to(this.#server());
    const engine = await natsEngine({
      servers: `127.0.0.1:${cable.port}`,
      leaseMs: LEASE_MS,
      replicas: this.#replicas,
      connect: { ignoreClusterUpdates: true }, // There is no way around the cable.
    });
    const holders = new Map<string, string | undefined>();
    engine.watch("key", (key, holder) => holders.set(key, holder));
    const claim = engine.claim.bind(engine);
    const claimed = new Set<string>();
    engine.claim = (key, holder) => {
      claimed.add(key);
      return claim(key, holder);
    };
    this.#cables.set(engine, cable);
    this.#holders.set(engine, holders);
    this.#claimed.set(engine, claimed);
    return engine;
  }

  async disconnect(engine: ClusterEngine): Promise<void> {
    this.#cables.get(engine)!.cut();
    await until(() => engine.state === "away", "the engine to be away");
  }

  async reconnect(engine: ClusterEngine): Promise<void> {
    this.#cables.get(engine)!.mend();
    await until(() => engine.state === "connected", "the engine to be connected");
  }

  async expire(engine: ClusterEngine): Promise<void> {
    const others = [...this.#holders].filter(([other]) => other !== engine && other.state === "connected");
    const keys = [...this.#claimed.get(engine)!];
    // Each of the others has seen the holder, and then that there is none.
    const isFree = (key: string): boolean =>
      others.every(([, holders]) => holders.has(key) && holders.get(key) === undefined);
    await until(() => keys.every(isFree), "the leases to expire");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#cables.values()].map((cable) => cable[Symbol.asyncDispose]()));
  }
}
