// One connection that a server has admitted, from then to its end. One object is its candidate for a place, what the
// transport calls, and the owner of its broker: there may be thousands of connections (bench `crowd`).

import { Broker } from "@pb/broker";
import type { LimitError } from "@pb/broker";
import { after } from "@pb/broker/extension";
import type { BrokerConfig, ConnectionOwner, Link } from "@pb/broker/extension";
import { dispose, onDispose } from "@pb/jelly-types";
import { Monitor } from "../liveness.js";
import type { LivenessTimes } from "../liveness.js";
import type { Platform, Timer } from "../platform.js";
import type { Pulse } from "../pulse.js";
import type { Candidate, Refusal, ServerLimits, Ticket } from "./admission.js";
import type { SameUserPolicy } from "./same-user.js";
import type { ServerEvent } from "./server-events.js";

/** A connection that a transport has accepted and that has no link yet. */
export interface IncomingConnection {
  /**
   * The IP address of the peer, for the limits. Undefined if it has none or if it does not identify the peer, as behind
   * a proxy.
   */
  readonly address: string | undefined;
  /** Describes the peer in events, such as `tcp:192.0.2.1:51324`. */
  readonly peer: string;
  /** Closes the connection at once. */
  readonly destroy: () => void;
}

/**
 * A connection that has a place, or that a limit refuses. The transport calls `serve`, `relay` or `fail`, and always
 * `closed`.
 */
export interface AdmittedConnection {
  /** Whether a limit refuses the connection: then `serve` tells the peer, and nothing else may be done with it. */
  readonly isRefused: boolean;
  /** Creates the broker. */
  serve(link: Link & Pulse): Broker;
  /**
   * Instead of `serve`: the transport passes the bytes on to another server. The connection counts as a guest, and
   * `close` and `destroy` of the connections leave it open.
   */
  relay(pulse: Pick<Pulse, "lastReceived">): void;
  /**
   * Reports that there will be no link, for example because a TLS handshake failed. Without an error: the peer has
   * closed the connection, and had not sent a byte.
   */
  fail(error?: Error): void;
  /** Frees the place of the connection. Can be called more than once. */
  closed(): void;
}

/** What all connections of a server have in common. */
export interface AdmittedOwner {
  readonly config: BrokerConfig;
  /** They may change. */
  readonly limits: () => ServerLimits;
  /** Undefined if connections are not checked. */
  readonly liveness: LivenessTimes | undefined;
  readonly platform: Platform;
  readonly sameUser: SameUserPolicy;
  /** Connections whose brokers do not exist yet or are not ready. */
  readonly unready: Set<Pick<Admitted, "incoming" | "broker">>;
  readonly brokers: Set<Broker>;
  /** Closes a connection that has lost its place. */
  evict(admitted: Admitted, limit: Refusal): void;
  readonly report: (event: ServerEvent) => void;
  reportFailure(id: string, peer: string, error: Error | undefined): void;
  reportPause(broker: Broker, limit: LimitError["limit"] | undefined): void;
}

export class Admitted implements AdmittedConnection, Candidate, ConnectionOwner {
  readonly id: string = Broker.nextId();
  readonly isRefused = false;
  readonly incoming: IncomingConnection;
  /** Undefined before the transport has called `serve`, for example during a TLS handshake. */
  broker: Broker | undefined;
  /** Whether it has lost its place to another connection. */
  isEvicted = false;
  /** Set when the connection has its place. */
  ticket!: Ticket;
  readonly #owner: AdmittedOwner;
  #pulse: Pick<Pulse, "lastReceived"> | undefined;
  /** Undefined without liveness. */
  #monitor: Monitor | undefined;
  #startMs = 0;
  /** Runs while a login is required and none has succeeded. */
  #loginTimer: Timer | undefined;
  /** Whether a login was not anonymous. */
  #hasName = false;

  constructor(owner: AdmittedOwner, incoming: IncomingConnection) {
    this.#owner = owner;
    this.incoming = incoming;
  }

  // What the transport calls

  serve(link: Link & Pulse): Broker {
    const { config, brokers, liveness, platform } = this.#owner;
    this.#startMs = performance.now();
    this.#pulse = link;
    const broker = new Broker(link, config, (who) => this.#admitLogin(who), this);
    this.broker = broker;
    brokers.add(broker);
    if (liveness === undefined) return broker;
    this.#monitor = new Monitor(broker, link, liveness, platform, "listener");
    return broker;
  }

  relay(pulse: Pick<Pulse, "lastReceived">): void {
    this.#owner.unready.delete(this);
    this.#pulse = pulse;
    this.ticket.moveTo("guest");
  }

  fail(error?: Error): void {
    if (!this.isEvicted) this.#owner.reportFailure(this.id, this.incoming.peer, error);
  }

  closed(): void {
    this.#owner.unready.delete(this);
    this.ticket.moveTo("closed");
  }

  // What the admission calls

  get address(): string | undefined {
    return this.incoming.address;
  }

  evict(limit: Refusal): void {
    this.#owner.evict(this, limit);
  }

  lastReceived(): number {
    return this.#pulse?.lastReceived ?? 0;
  }

  // What the broker calls

  ready(): void {
    const { unready, config, report } = this.#owner;
    unready.delete(this);
    this.#monitor?.start();
    if (config.root?.requiresLogin === true) this.#expectLogin();
    else this.ticket.moveTo("guest");
    report({ kind: "connection", ...about(this.broker!) });
  }

  paused(limit: LimitError["limit"] | undefined): void {
    this.#owner.reportPause(this.broker!, limit);
  }

  memoryExceeded(limit: LimitError["limit"]): void {
    this.#owner.report({ kind: "memory", limit });
  }

  ended(wasReady: boolean): void {
    clearTimeout(this.#loginTimer);
    this.#monitor?.[dispose]();
    if (!wasReady) queueMicrotask(() => this.#reportFailed(this.broker!));
  }

  gone(wasReady: boolean): void {
    const broker = this.broker!;
    this.#owner.brokers.delete(broker);
    if (!wasReady) return;
    const openMs = performance.now() - this.#startMs;
    this.#owner.report({ kind: "closed", ...about(broker), ...broker.ended!, openMs });
  }

  /** The two ends have not agreed on a dialect. */
  #reportFailed(broker: Broker): void {
    const { reason, stats } = broker.ended!;
    const isProbe = reason.reason === "lost" && stats.bytesReceived === 0;
    this.#owner.reportFailure(this.id, broker.peer.description, isProbe ? undefined : reason);
  }

  /** Ends the connection when no login has succeeded in time. */
  #expectLogin(): void {
    this.ticket.moveTo("loggingIn");
    const { loginMs } = this.#owner.limits();
    const end = (): void => this.broker!.terminate("limit", new Error(`no login within ${loginMs} ms`));
    this.#loginTimer = after(loginMs, end);
    if (this.#loginTimer !== undefined) this.#owner.platform.unref(this.#loginTimer);
  }

  async #admitLogin(who: unknown): Promise<Disposable> {
    const { sameUser, config, report } = this.#owner;
    const broker = this.broker!;
    const session = await sameUser.admit(broker, who);
    clearTimeout(this.#loginTimer);
    this.#loginTimer = undefined;
    // Any stranger can log in without a name, and would otherwise get past the limits on guests.
    this.#hasName ||= typeof who === "string" || config.root?.trustsAnonymous === true;
    this.ticket.moveTo(this.#hasName ? "user" : "guest");
    const users = typeof who === "string" ? [...broker.users, who].sort() : broker.users;
    report({ kind: "login", ...about(broker), who, users });
    return onDispose(() => {
      session[dispose]();
      report({ kind: "logout", ...about(broker), who });
    });
  }
}

/** What all events about a connection have in common. */
export function about(connection: Broker): Pick<Broker, "id" | "users"> & { readonly connection: Broker } {
  const { id, users } = connection;
  return { id, connection, users };
}
