// Events that a server reports about its connections.

import type { Broker, BrokerStats, ConnectionLostError, LimitError } from "@pb/broker";
import type { Refusal } from "./admission.js";

/** What the events about a ready connection have in common. */
interface AboutConnection {
  /** The `id` of the connection, which all events about it have, those of other layers too. */
  readonly id: string;
  readonly connection: Broker;
  /** The users who are logged in over it; of `closed`, those who were at its end. */
  readonly users: readonly string[];
}

/** What the events about a connection that is not ready have in common. */
interface AboutPeer {
  readonly id: string;
  /** Describes the peer, such as `tcp:192.0.2.1:51324`. */
  readonly peer: string;
  /**
   * The number of events of this kind that were not reported since the last one, if there are any: 100 at once are
   * reported, and then one per second.
   */
  readonly omitted?: number | undefined;
}

/**
 * An event of a server. Those of one connection come in this order: `connection`, `login`, `logout`, `cut`, `closed`;
 * or `refused`, `failed` or `probe` alone.
 */
export type ServerEvent =
  /** A connection is ready: both ends can call. Reported before the first method of the peer runs. */
  | ({ readonly kind: "connection" } & AboutConnection)
  /**
   * The credentials of a user were right. `who` is the id that the checker returned. If the realm refuses the user
   * after that, `logout` follows.
   */
  | ({ readonly kind: "login"; readonly who: unknown } & AboutConnection)
  /** A user has logged out: has released the avatar, or the connection has ended. */
  | ({ readonly kind: "logout"; readonly who: unknown } & AboutConnection)
  /**
   * The server closed this connection although calls were in flight, because `drainMs` was over. The outcome of `calls`
   * calls is unknown to their callers.
   */
  | ({ readonly kind: "cut"; readonly calls: number } & AboutConnection)
  /**
   * For a quarter of a second, this connection was not read because of `limit`: `callsRunning` of its calls are
   * running, or it does not read its answers (`queuedBytes`). Limited like `failed`.
   */
  | ({
      readonly kind: "paused";
      readonly limit: LimitError["limit"];
      readonly omitted?: number | undefined;
    } & AboutConnection)
  /** A connection is read again whose `paused` was reported. */
  | ({ readonly kind: "resumed" } & AboutConnection)
  /** A connection that was ready has ended. `stats` are its last ones, and `openMs` is how long it was open. */
  | ({
      readonly kind: "closed";
      readonly reason: ConnectionLostError;
      readonly stats: BrokerStats;
      readonly openMs: number;
    } & AboutConnection)
  /**
   * A connection never became ready: the two ends did not agree on TLS or on a dialect, or the peer closed it first.
   */
  | ({ readonly kind: "failed"; readonly error: Error } & AboutPeer)
  /**
   * The peer closed the connection and had sent nothing of the protocol: a health check of a balancer, or a port
   * scanner.
   */
  | ({ readonly kind: "probe" } & AboutPeer)
  /**
   * A connection was refused because of this limit, or lost its place to another one during the TLS handshake. A
   * connection that loses its place later ends with the reason `limit`, which `failed` or `closed` reports.
   */
  | ({ readonly kind: "refused"; readonly limit: Refusal } & AboutPeer)
  /**
   * The system reported an error, and the server goes on: no more sockets (`EMFILE`), or the path of a UNIX socket
   * could not be removed.
   */
  | { readonly kind: "error"; readonly error: Error }
  /**
   * The process has nearly as many open files and sockets as it may have. At `limit`, connections are lost without a
   * word, and `error` is reported with the code `EMFILE`.
   */
  | { readonly kind: "descriptors"; readonly open: number; readonly limit: number }
  /**
   * All connections of the process, or all peers that have not logged in, take more memory than they may. Those that
   * take most, or need most, are ended, which `closed` or `failed` reports, unless all take little. Limited like
   * `failed`.
   */
  | {
      readonly kind: "memory";
      readonly limit: LimitError["limit"];
      readonly omitted?: number | undefined;
    }
  /** The certificate of the server expires in less than 14 days, or has expired. Reported at once, and daily. */
  | { readonly kind: "certificate"; readonly name: string; readonly validTo: Date; readonly hasExpired: boolean };

export type ServerWatcher = (event: ServerEvent) => void;
