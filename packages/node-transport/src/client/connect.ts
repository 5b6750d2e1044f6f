// Connects to a server over TCP, TLS or a UNIX socket.

import type { Broker, BrokerOptions } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { completeLiveness, ConnectError, connectionOptionKinds, nestedOptions } from "@pb/transport";
import { openBroker, watchOver } from "@pb/transport";
import type { ConnectionOptions, Pulse } from "@pb/transport";
import { Duplex } from "node:stream";
import { clientEndpoint } from "../endpoint/endpoint.js";
import type { ClientEndpoint } from "../endpoint/endpoint-types.js";
import { nodePlatform, withNodeDefaults } from "../platform.js";
import { requireByteStream } from "../socket/given-stream.js";
import { SocketLink } from "../socket/socket-link.js";
import { describePeer } from "../socket/socket-peer.js";
import { explainTlsError } from "../tls/tls-errors.js";
import { checkSocketOptions, handshaken, openLinkSocket } from "./open-socket.js";
import type { SocketOptions } from "./open-socket.js";

export interface ConnectOptions extends ConnectionOptions, SocketOptions {}

/** The kinds of the options that `connect` and `reconnecting` share. */
export const connectOptionKinds: OptionKinds<ConnectOptions> = {
  ...connectionOptionKinds,
  connectMs: "any",
  tlsMs: "any",
  tls: "object",
};

/**
 * Connects to a server and resolves when both ends can call. `endpoint` is an endpoint string such as
 * `tcp:localhost:8787`, a URL such as `pbs://example.org`, an endpoint object, or a stream that is connected already.
 *
 * Rejects with `EndpointError`, with `TypeError` for an unknown option or a bad value, with `TlsOptionError` for a bad
 * key or certificate, with `SocketError` when the connection is refused, with `ConnectError` after a timeout or when
 * TLS fails, with `ConnectionLostError` when the peer does not speak the protocol, and with the reason of the signal
 * when that aborts.
 */
export async function connect(
  endpoint: string | ClientEndpoint | Duplex,
  options: ConnectOptions = {},
): Promise<Broker> {
  checkOptions(options, connectOptionKinds, nestedOptions);
  options.signal?.throwIfAborted();
  if (options.liveness !== false) completeLiveness(options.liveness);
  if (isStream(endpoint)) requireByteStream(endpoint);
  const target = endpoint instanceof Duplex ? endpoint : clientEndpoint(endpoint);
  checkSocketOptions(target instanceof Duplex ? undefined : target, options);
  const { broker, pulse } = await dial(target, clientConfig(options.broker), options);
  if (options.liveness !== false) watchOver(broker, pulse, options.liveness, nodePlatform);
  return broker;
}

/** Whether it is any stream of Node, also one that cannot be used. */
function isStream(endpoint: unknown): boolean {
  return typeof (endpoint as { readonly pipe?: unknown } | null)?.pipe === "function";
}

/** The options of a broker with the default watcher of Node. */
export function clientConfig(options: BrokerOptions | BrokerConfig | undefined): BrokerConfig {
  return BrokerConfig.of(options instanceof BrokerConfig ? options : withNodeDefaults(options));
}

/** Connects once, without starting liveness. */
export async function dial(
  target: ClientEndpoint | Duplex,
  config: BrokerConfig,
  options: SocketOptions,
): Promise<{ readonly broker: Broker; readonly pulse: Pulse }> {
  const stream = await (target instanceof Duplex ? handshaken(target, options) : openLinkSocket(target, options));
  const path = !(target instanceof Duplex) && target.type === "unix" ? target.path : undefined;
  const link = new SocketLink(stream, "initiator", describePeer(stream, "initiator", { path }));
  const { signal } = options;
  try {
    return { broker: await openBroker(link, config, { signal }), pulse: link };
  } catch (error) {
    // With TLS 1.3, a client learns that its certificate was refused only after its own side of the handshake has
    // succeeded.
    const { cause } = error as { readonly cause?: unknown };
    const explained = cause instanceof Error ? explainTlsError(cause, link.peer.description) : cause;
    throw signal?.aborted !== true && explained instanceof ConnectError ? explained : error;
  }
}
