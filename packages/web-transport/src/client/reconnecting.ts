// A client that connects again whenever its connection is lost.

import type { RemoteMethods } from "@pb/broker";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { nestedOptions, ReconnectingClient } from "@pb/transport";
import type { ReconnectingClientOptions } from "@pb/transport";
import type { PortLike } from "../link/port-like.js";
import type { WebSocketLike } from "../link/web-socket-like.js";
import { clientConfig, completeDial, connectOptionKinds, dial } from "./connect.js";
import type { ConnectOptions } from "./connect.js";
import { onWake } from "./tab-wake.js";
import { parseUrl } from "./target.js";
import type { UrlObject } from "./target.js";

/** `signal` closes the client; the other options of `connect` apply to each connection. */
export interface ReconnectOptions<T>
  extends Omit<ConnectOptions, "signal" | "liveness">, ReconnectingClientOptions<T> {}

const optionKinds: OptionKinds<ReconnectOptions<never>> = { ...connectOptionKinds, ...ReconnectingClient.optionKinds };

/** Makes the target of each attempt, for example a new worker, or a URL with a fresh ticket. */
export type TargetSource = (signal: AbortSignal) => Made | Promise<Made>;
type Made = string | UrlObject | WebSocketLike | PortLike;

/**
 * Connects to a URL, and again whenever the connection is lost. Returns at once. In a page, it also connects or checks
 * the connection at once when the tab becomes visible or the network is back. Throws `EndpointError` for a bad URL, and
 * `TypeError` for an unknown or bad option. A WebSocket, a port or a worker cannot be connected again: pass a function
 * that makes a new one.
 */
export function reconnecting<T = RemoteMethods>(
  target: string | UrlObject | TargetSource,
  options: ReconnectOptions<T> = {},
): ReconnectingClient<T> {
  checkOptions<ReconnectOptions<T>>(options, optionKinds, nestedOptions);
  if (typeof target !== "function") {
    if (typeof target !== "string" && !(target instanceof URL))
      throw new TypeError(
        "Expected a URL, or a function that makes a WebSocket, a port or a worker for each connection",
      );
    parseUrl(target, false);
  }
  const { broker, connectMs, heldBytes, credit, webSocket, ...others } = options;
  const dialOptions = { connectMs, heldBytes, credit, webSocket };
  completeDial(dialOptions);
  const config = clientConfig(broker);
  const { onEvent, limits } = config;
  return new ReconnectingClient<T>(
    async (signal) => {
      const made = typeof target === "function" ? await target(signal) : target;
      return dial(made, config, { ...dialOptions, signal });
    },
    others,
    { onEvent, callsWaiting: limits.callsWaiting, onWake },
  );
}
