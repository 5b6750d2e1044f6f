// The connections of a server, the same for every transport: admission, brokers, logins, events, draining.

import { Broker } from "@pb/broker";
import type { BrokerLimits, LimitError } from "@pb/broker";
import { BrokerConfig, EventRate, Subscriptions, withDefaults } from "@pb/broker/extension";
import { checkOptions } from "@pb/jelly-types";
import type { OptionKinds } from "@pb/jelly-types";
import { completeLiveness } from "../liveness.js";
import type { LivenessOptions } from "../liveness.js";
import { defaultPlatform } from "../platform.js";
import type { Platform } from "../platform.js";
import { Admission, defaultServerLimits } from "./admission.js";
import type { LimitChanges, Refusal, ServerLimits } from "./admission.js";
import { about, Admitted } from "./admitted.js";
import type { AdmittedConnection, AdmittedOwner, IncomingConnection } from "./admitted.js";
import { drain } from "./drain.js";
import type { CloseOptions, DrainTimes } from "./drain.js";
import { errorFor, Refusals } from "./refusals.js";
import { SameUserPolicy } from "./same-user.js";
import type { SameUserOptions } from "./same-user.js";
import type { ServerEvent, ServerWatcher } from "./server-events.js";

export interface ServerConnectionsOptions {
  /** The options of the brokers. Its `root` is what peers call first, and says whether they have to log in. */
  readonly config: BrokerConfig;
  readonly limits?: Partial<ServerLimits> | undefined;
  readonly liveness?: LivenessOptions | false | undefined;
  readonly sameUser?: SameUserOptions | undefined;
  readonly platform?: Platform | undefined;
}

const optionKinds: OptionKinds<ServerConnectionsOptions> = {
  config: BrokerConfig,
  limits: "object",
  liveness: "any",
  sameUser: "object",
  platform: "object",
};

/** Milliseconds that a negotiation in progress may take when the server drains. */
const NEGOTIATION_MS = 1_000;

/** How many events about connections that strangers attempt are reported at once: enough to see where they are from. */
const BURST = 100;

export class ServerConnections {
  readonly #options: ServerConnectionsOptions;
  #limits: ServerLimits;
  readonly #platform: Platform;
  readonly #admission: Admission;
  readonly #refusals: Refusals;
  readonly #brokers = new Set<Broker>();
  /** Connections whose brokers do not exist yet or are not ready. */
  readonly #unready = new Set<Pick<Admitted, "incoming" | "broker">>();
  readonly #watchers = new Subscriptions<[event: ServerEvent]>();
  readonly #rates: Readonly<Record<Limited["kind"], EventRate>> = {
    failed: new EventRate(BURST),
    probe: new EventRate(BURST),
    refused: new EventRate(BURST),
    memory: new EventRate(BURST),
  };
  readonly #pauses = new EventRate(BURST);
  /** Connections whose pause was reported. */
  readonly #paused = new WeakSet<Broker>();
  /** What all connections call back. */
  readonly #admittedOwner: AdmittedOwner;
  #isAdmitting = true;

  /** Throws `TypeError` for an unknown option, and for a limit or another one that is not a number in its range. */
  constructor(options: ServerConnectionsOptions) {
    checkOptions(options, optionKinds);
    this.#options = options;
    this.#limits = withDefaults("limit", defaultServerLimits, options.limits, { tlsMs: { least: 1 } });
    this.#platform = options.platform ?? defaultPlatform;
    this.#admission = new Admission(this.#limits);
    this.#refusals = new Refusals(options.config.dialects, this.#platform);
    this.#admittedOwner = this.#ownerOf(options);
  }

  #ownerOf({ config, liveness, sameUser }: ServerConnectionsOptions): AdmittedOwner {
    return {
      config,
      limits: () => this.#limits,
      liveness: liveness === false ? undefined : completeLiveness(liveness),
      platform: this.#platform,
      sameUser: new SameUserPolicy(sameUser),
      unready: this.#unready,
      brokers: this.#brokers,
      evict: (admitted, limit) => this.#evict(admitted, limit),
      report: (event) => this.report(event),
      reportFailure: (id, peer, error) => this.#reportFailure(id, peer, error),
      reportPause: (broker, limit) => this.#reportPause(broker, limit),
    };
  }

  /** The limits, with all defaults filled in. */
  get limits(): ServerLimits {
    return this.#limits;
  }

  /** The limits of the connections themselves, with all defaults filled in. */
  get brokerLimits(): BrokerLimits {
    return this.#options.config.limits;
  }

  /** See `Server.setLimits` of `@pb/node-transport`. `tlsMs` is that of the TLS context. */
  setLimits({ broker, ...limits }: LimitChanges): void {
    const changed = withDefaults("limit", this.#limits, limits, { tlsMs: { least: 1 } });
    if (changed.tlsMs !== this.#limits.tlsMs) throw new TypeError("The limit tlsMs cannot be changed");
    if (broker !== undefined) this.#options.config.changeLimits(broker);
    this.#limits = changed;
    this.#admission.limits = changed;
  }

  /** Whether the arrivals of references are recorded, for `leakReport()`: the option `traceReferences`. */
  get tracesReferences(): boolean {
    return this.#options.config.traceReferences;
  }

  set tracesReferences(isOn: boolean) {
    this.#options.config.traceReferences = isOn;
  }

  /** The current connections, including those that are still negotiating. */
  get all(): ReadonlySet<Broker> {
    return this.#brokers;
  }

  /** Calls `watcher` with every event, until the result is disposed of. */
  onEvent(watcher: ServerWatcher): Disposable {
    return this.#watchers.add(watcher);
  }

  /** Reports a connection that a transport could not accept. Without an error as `AdmittedConnection.fail`. */
  reportFailure(peer: string, error?: Error): void {
    this.#reportFailure(Broker.nextId(), peer, error);
  }

  #reportFailure(id: string, peer: string, error: Error | undefined): void {
    if (error !== undefined) this.report({ kind: "failed", id, peer, error });
    // A server that closes ends connections that have sent nothing by itself.
    else if (this.#isAdmitting) this.report({ kind: "probe", id, peer });
  }

  /**
   * Passes an event to all watchers. Omits those above a rate that strangers can cause any number of. What a watcher
   * throws is reported to the `onEvent` of the brokers.
   */
  report(event: ServerEvent): void {
    if (hasRate(event))
      this.#rates[event.kind].limit((omitted) => this.#tell(omitted === undefined ? event : { ...event, omitted }));
    else this.#tell(event);
  }

  #tell(event: ServerEvent): void {
    for (const watcher of this.#watchers) this.#options.config.runCallback(() => watcher(event));
  }

  /**
   * Admits a connection, and closes others that have to make room for it. A connection that a limit refuses is told so
   * by its link, which lasts for two seconds at most. If too many are refused, or the server is closing, destroys it
   * and returns undefined.
   */
  admit(incoming: IncomingConnection): AdmittedConnection | undefined {
    if (!this.#isAdmitting) {
      incoming.destroy();
      return undefined;
    }
    const admitted = new Admitted(this.#admittedOwner, incoming);
    const ticket = this.#admission.admit(admitted);
    if (typeof ticket === "string") return this.#refuse(admitted.id, incoming, ticket);
    admitted.ticket = ticket;
    this.#unready.add(admitted);
    return admitted;
  }

  #refuse(id: string, incoming: IncomingConnection, limit: Refusal): AdmittedConnection | undefined {
    this.report({ kind: "refused", id, peer: incoming.peer, limit });
    const release = this.#refusals.take(incoming.destroy);
    if (release === undefined) {
      incoming.destroy();
      return undefined;
    }
    const refused = { incoming, broker: undefined };
    this.#unready.add(refused);
    return {
      isRefused: true,
      serve: (link) => this.#refusals.serve(link, limit),
      relay: () => incoming.destroy(),
      fail: () => undefined,
      closed: () => {
        if (this.#unready.delete(refused)) release();
      },
    };
  }

  /** Closes a connection that has lost its place. */
  #evict(admitted: Admitted, limit: Refusal): void {
    const { id, incoming, broker } = admitted;
    admitted.isEvicted = true;
    if (broker === undefined) {
      this.report({ kind: "refused", id, peer: incoming.peer, limit });
      incoming.destroy();
      return;
    }
    const release = this.#refusals.take(incoming.destroy);
    const cause = new Error(`another address needed its place: the limit ${limit} was reached`);
    broker.displace(errorFor(limit), cause);
    if (release === undefined) incoming.destroy();
    else void broker.closed.then(release);
  }

  /** Refuses all connections from now on. */
  stopAdmitting(): void {
    this.#isAdmitting = false;
  }

  /**
   * Stops admitting, closes the connections as {@link CloseOptions} say, and resolves when all are closed. Rejects with
   * `TypeError` for a time that is not a number of at least 0.
   */
  async close(options?: CloseOptions): Promise<void> {
    const times = withDefaults("option", { drainMs: 0, retryAfterMs: 0 }, options);
    this.stopAdmitting();
    for (const { incoming, broker } of this.#unready) {
      // A client that has received the offer of a dialect may have sent calls already.
      if (broker === undefined || times.drainMs === 0) incoming.destroy();
    }
    // Bytes that arrived while this process was busy are read between the two timers.
    let grace = setTimeout(
      () => (grace = setTimeout(() => this.#destroyUnready(), NEGOTIATION_MS / 2)),
      Math.min(times.drainMs, NEGOTIATION_MS) / 2,
    );
    await Promise.all([...this.#brokers].map((broker) => this.#drain(broker, times)));
    clearTimeout(grace);
  }

  #destroyUnready(): void {
    for (const { incoming } of this.#unready) incoming.destroy();
  }

  async #drain(broker: Broker, times: DrainTimes): Promise<void> {
    const calls = await drain(broker, times);
    if (calls > 0) this.report({ kind: "cut", ...about(broker), calls });
  }

  /** Ends all connections at once and discards what is queued. Works while the server drains, too. */
  destroy(): void {
    this.stopAdmitting();
    this.#destroyUnready();
    for (const broker of this.#brokers) broker.terminate("closed");
  }

  #reportPause(broker: Broker, limit: LimitError["limit"] | undefined): void {
    if (!broker.isOpen) return;
    if (limit === undefined) {
      if (this.#paused.delete(broker)) this.#tell({ kind: "resumed", ...about(broker) });
      return;
    }
    this.#pauses.limit((omitted) => {
      this.#paused.add(broker);
      this.#tell({ kind: "paused", ...about(broker), limit, ...(omitted === undefined ? {} : { omitted }) });
    });
  }
}

/** Events that strangers can cause as often as they like. */
type Limited = Extract<ServerEvent, { readonly kind: "failed" | "probe" | "refused" | "memory" }>;

function hasRate(event: ServerEvent): event is Limited {
  return event.kind === "failed" || event.kind === "probe" || event.kind === "refused" || event.kind === "memory";
}
