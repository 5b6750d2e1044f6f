// Three NATS servers that store each record three times.

import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { natsEngine } from "@pb/cluster/nats";
import { freePort } from "../../process/ports.js";
import { until } from "../../process/program.js";
import { NatsServer } from "./nats-server.js";

const HOST = "127.0.0.1";

/** Starts three servers that know each other. Resolves when they can store records. */
export async function startNatsCluster(): Promise<NatsServer[]> {
  const ports = await Promise.all([1, 2, 3].map(() => freePort()));
  const routes = ports.map((port) => `nats://${HOST}:${port}`);
  const servers = await Promise.all(
    routes.map((route, index) => {
      const cluster = ["--cluster_name", "pb", "--cluster", route, "--routes", routes.join()];
      return NatsServer.start(HOST, ["-js", "--server_name", serverName(index), ...cluster]);
    }),
  );
  const open = async (): Promise<boolean> => {
    const options = { servers: servers.map((server) => server.servers), replicas: 3, prefix: "start" };
    const engine = await natsEngine(options).catch(() => undefined);
    await engine?.close();
    return engine !== undefined;
  };
  await until(open, "the NATS servers to elect a leader");
  return servers;
}

/** The server that leads a stream. Undefined while there is none. */
export async function leaderOf(stream: string, servers: readonly NatsServer[]): Promise<NatsServer | undefined> {
  const nc = await connect({ servers: servers.map((server) => server.servers) });
  try {
    const info = await (await jetstreamManager(nc)).streams.info(stream);
    return servers.find((_server, index) => serverName(index) === info.cluster?.leader);
  } catch {
    return undefined;
  } finally {
    await nc.close();
  }
}

function serverName(index: number): string {
  return `nats-${index + 1}`;
}
