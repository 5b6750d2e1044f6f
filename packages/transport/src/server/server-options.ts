// The options that the servers of every transport have.

import type { Broker, BrokerOptions, RootSource } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import type { OptionKinds } from "@pb/jelly-types";
import type { LivenessOptions } from "../liveness.js";
import type { Platform } from "../platform.js";
import type { ServerLimits } from "./admission.js";
import type { SameUserOptions } from "./same-user.js";
import { ServerConnections } from "./server-connections.js";
import type { ServerWatcher } from "./server-events.js";

export interface ServerOptions {
  /**
   * What this end offers and accepts, besides the root. Without an `onEvent`, errors of the program become warnings.
   */
  readonly broker?: Omit<BrokerOptions, "root"> | undefined;
  /** Called with each connection that becomes ready. */
  readonly onConnection?: ((connection: Broker) => void) | undefined;
  /** Called with every event. See also the method `onEvent` of the server. */
  readonly onEvent?: ServerWatcher | undefined;
  /** How many connections are accepted. */
  readonly limits?: Partial<ServerLimits> | undefined;
  /** How each connection is checked. False: connections are not checked. */
  readonly liveness?: LivenessOptions | false | undefined;
  /** What happens when a user logs in who is logged in over another connection. */
  readonly logins?: SameUserOptions | undefined;
}

export const serverOptionKinds: OptionKinds<ServerOptions> = {
  broker: "object",
  onConnection: "function",
  onEvent: "function",
  limits: "object",
  liveness: "any",
  logins: "object",
};

/**
 * Creates the connections of a server, which start from `root`. `complete` adds the defaults of the platform to the
 * options of the brokers. Throws `TypeError` for a bad root, and for a bad value of an option.
 */
export function serverConnections(
  root: RootSource,
  options: ServerOptions,
  platform: Platform,
  complete: (options: BrokerOptions | undefined) => BrokerOptions,
): ServerConnections {
  const { broker, limits, liveness, logins: sameUser, onEvent, onConnection } = options;
  if (broker !== undefined && "root" in broker && broker.root !== undefined)
    throw new TypeError("The option broker must not contain a root: pass it as the argument root");
  // Undefined would be a server without a root, which only a program that uses `Broker` itself can want.
  const given = (root as RootSource | undefined) ?? (null as unknown as RootSource);
  const config = new BrokerConfig({ ...complete(broker), root: given });
  const connections = new ServerConnections({ config, limits, liveness, sameUser, platform });
  if (onEvent !== undefined) connections.onEvent(onEvent);
  if (onConnection !== undefined)
    connections.onEvent((event) => (event.kind === "connection" ? onConnection(event.connection) : undefined));
  return connections;
}
