// Events that a server reports about its connections.

import type { Broker, ConnectionLostError } from "@pb/broker";
import type { Refusal } from "./admission.js";

export type ServerEvent =
  /** A connection is ready: both ends can call. */
  | { readonly kind: "connection"; readonly connection: Broker }
  /** A login succeeded. `who` is the id that the checker returned. */
  | { readonly kind: "login"; readonly connection: Broker; readonly who: unknown }
  /**
   * The server closed this connection although calls were in flight, because `drainMs` was over. The outcome of `calls`
   * calls is unknown to their callers.
   */
  | { readonly kind: "cut"; readonly connection: Broker; readonly calls: number }
  /** A connection that was ready has ended. */
  | { readonly kind: "closed"; readonly connection: Broker; readonly reason: ConnectionLostError }
  /**
   * A connection never became ready: the two ends did not agree on TLS or on a dialect, or the peer closed it first.
   */
  | { readonly kind: "failed"; readonly peer: string; readonly error: Error }
  /**
   * A connection was refused because of this limit, or lost its place to another one during the TLS handshake. A
   * connection that loses its place later ends with the reason `limit`, which `failed` or `closed` reports.
   */
  | { readonly kind: "refused"; readonly peer: string; readonly limit: Refusal }
  /**
   * The system reported an error, and the server goes on: no more sockets (`EMFILE`), or the path of a UNIX socket
   * could not be removed.
   */
  | { readonly kind: "error"; readonly error: Error };

export type ServerWatcher = (event: ServerEvent) => void;
