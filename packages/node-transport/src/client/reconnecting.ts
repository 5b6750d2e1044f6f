// A client over sockets that connects again whenever its connection is lost.

import type { RemoteMethods } from "@pb/broker";
import { ReconnectingClient } from "@pb/transport";
import type { ReconnectingClientOptions } from "@pb/transport";
import { clientEndpoint } from "../endpoint/endpoint.js";
import type { ClientEndpoint } from "../endpoint/endpoint-types.js";
import { nodePlatform } from "../platform.js";
import { clientConfig, dial } from "./connect.js";
import type { ConnectOptions } from "./connect.js";
import { socketTimes } from "./open-socket.js";

/** `signal` closes the client; the other options of `connect` apply to each connection. */
export interface ReconnectOptions<T>
  extends Omit<ConnectOptions, "signal" | "liveness">, ReconnectingClientOptions<T> {}

/**
 * Connects to `endpoint`, and again whenever the connection is lost. Returns at once. Throws `EndpointError`,
 * and `TypeError` for an option that is not a number in its range.
 */
export function reconnecting<T = RemoteMethods>(
  endpoint: string | ClientEndpoint,
  options: ReconnectOptions<T> = {},
): ReconnectingClient<T> {
  const target = clientEndpoint(endpoint);
  socketTimes(options);
  const config = clientConfig(options.broker);
  const { onEvent, limits } = config;
  return new ReconnectingClient<T>((signal) => dial(target, config, { ...options, signal }), options, {
    onEvent,
    platform: nodePlatform,
    callsWaiting: limits.callsWaiting,
  });
}
