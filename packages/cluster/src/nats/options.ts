// The options of the NATS engine.

import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { checkOptions, withDefaults } from "@pb/jelly-types";

/** Options of `natsEngine`. */
export interface NatsEngineOptions {
  /** The NATS servers: `HOST:PORT`. Default `127.0.0.1:4222`. */
  readonly servers?: string | readonly string[] | undefined;
  /** More options of the connection, as `connect` of `@nats-io/transport-node` takes them: credentials, TLS. */
  readonly connect?: ConnectionOptions | undefined;
  /**
   * A connection of the program, instead of `servers` and `connect`. The engine does not close it. It should have
   * `maxReconnectAttempts: -1`, otherwise it gives up after ten attempts and the engine stays away.
   */
  readonly connection?: NatsConnection | undefined;
  /**
   * What the names of the stream, the bucket and the subjects begin with: 1 to 32 of `A-Z a-z 0-9 _ -`. Clusters that
   * share a NATS account need different ones. Default `pb`.
   */
  readonly prefix?: string | undefined;
  /**
   * Milliseconds without a sign of life after which other nodes take over the keys of a node: 100 to 600,000. A node
   * renews three times in that time. Default 5000: a busy node is not taken for a dead one, and a takeover takes
   * seconds. A shorter time is safe, because leases protect no data.
   */
  readonly leaseMs?: number | undefined;
  /**
   * How many NATS servers store each record, when the stream is created: 1, 3 or 5. Default 1. A stream that exists
   * keeps its number.
   */
  readonly replicas?: number | undefined;
}

/** What NATS has to answer a request or an attempt to connect, at least: enough for a server under load. */
export const LEAST_REQUEST_MS = 5000;

/** The options with their defaults. */
export interface NatsSettings {
  readonly connection: NatsConnection | undefined;
  readonly connect: ConnectionOptions;
  readonly prefix: string;
  readonly leaseMs: number;
  readonly replicas: number;
}

/** Throws `TypeError` for a bad option. */
export function natsSettings(options: NatsEngineOptions): NatsSettings {
  checkOptions(options, {
    servers: "any",
    connect: "object",
    connection: "object",
    prefix: "string",
    leaseMs: "any",
    replicas: "any",
  });
  const { servers, connect, connection, prefix = "pb" } = options;
  const { leaseMs, replicas } = withDefaults(
    "option",
    { leaseMs: 5000, replicas: 1 },
    { leaseMs: options.leaseMs, replicas: options.replicas },
    { leaseMs: { least: 100, most: 600_000 }, replicas: { least: 1, most: 5, isWhole: true } },
  );
  if (replicas % 2 === 0) throw new TypeError(`The option replicas must be 1, 3 or 5, not ${replicas}`);
  if (!/^[\w-]{1,32}$/.test(prefix))
    throw new TypeError("The option prefix must have 1 to 32 characters of A-Z a-z 0-9 _ -");
  if (connection !== undefined && typeof (connection as Partial<NatsConnection>).request !== "function")
    throw new TypeError("The option connection must be a connection of @nats-io/transport-node");
  if (connection !== undefined && (servers !== undefined || connect !== undefined))
    throw new TypeError("The option connection excludes the options servers and connect");
  return { connection, connect: connectOptions(requireServers(servers), connect, leaseMs), prefix, leaseMs, replicas };
}

function requireServers(servers: unknown): string[] | undefined {
  if (servers === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(servers) ? servers : [servers];
  if (list.length === 0 || !list.every((server) => typeof server === "string" && server !== ""))
    throw new TypeError("The option servers must be HOST:PORT or a list of them");
  return list as string[];
}

/**
 * Unlike the defaults of the client: it never gives up, it tries to connect four times per second, and it finds a
 * server that is silent within two leases.
 */
function connectOptions(
  servers: string[] | undefined,
  connect: ConnectionOptions | undefined,
  leaseMs: number,
): ConnectionOptions {
  return {
    ...(servers && { servers }),
    timeout: Math.max(LEAST_REQUEST_MS, leaseMs),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 100,
    pingInterval: Math.max(500, leaseMs),
    maxPingOut: 2,
    ignoreAuthErrorAbort: true,
    ...connect,
  };
}
