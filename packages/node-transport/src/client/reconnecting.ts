// A client over sockets that connects again whenever its connection is lost.

import type { RemoteMethods } from "@pb/broker";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { nestedOptions, ReconnectingClient } from "@pb/transport";
import type { ReconnectingClientOptions } from "@pb/transport";
import { Duplex } from "node:stream";
import { clientEndpoint } from "../endpoint/endpoint.js";
import type { ClientEndpoint } from "../endpoint/endpoint-types.js";
import { nodePlatform } from "../platform.js";
import { clientConfig, connectOptionKinds, dial } from "./connect.js";
import type { ConnectOptions } from "./connect.js";
import { checkSocketOptions } from "./open-socket.js";

/** `signal` closes the client; the other options of `connect` apply to each connection. */
export interface ReconnectOptions<T>
  extends Omit<ConnectOptions, "signal" | "liveness">, ReconnectingClientOptions<T> {}

const optionKinds: OptionKinds<ReconnectOptions<never>> = { ...connectOptionKinds, ...ReconnectingClient.optionKinds };

/**
 * Connects to `endpoint`, and again whenever the connection is lost. Returns at once. Throws `EndpointError`, and
 * `TypeError` for an unknown option or a bad value. A connected stream cannot be used: it cannot be connected again.
 */
export function reconnecting<T = RemoteMethods>(
  endpoint: string | ClientEndpoint,
  options: ReconnectOptions<T> = {},
): ReconnectingClient<T> {
  checkOptions<ReconnectOptions<T>>(options, optionKinds, nestedOptions);
  if ((endpoint as unknown) instanceof Duplex)
    throw new TypeError("A stream cannot be connected again: pass an endpoint, or use connect");
  const target = clientEndpoint(endpoint);
  const { broker, connectMs, tlsMs, tls, ...others } = options;
  const socketOptions = { connectMs, tlsMs, tls };
  checkSocketOptions(target, socketOptions);
  const config = clientConfig(broker);
  const { onEvent, limits } = config;
  return new ReconnectingClient<T>((signal) => dial(target, config, { ...socketOptions, signal }), others, {
    onEvent,
    platform: nodePlatform,
    callsWaiting: limits.callsWaiting,
  });
}
