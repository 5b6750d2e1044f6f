// The connection to NATS, its stream and its bucket, and whether JetStream answers.

import { jetstream, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import type { JetStreamClient, JetStreamManager, StreamInfo } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { KV } from "@nats-io/kv";
import { connect } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/transport-node";
import { Subscriptions } from "@pb/broker/extension";
import type { EngineState } from "../engine/engine.js";
import { EngineError } from "../errors.js";
import { engineError, isMissing, isUnauthorized, refusal } from "./nats-errors.js";
import { LEAST_REQUEST_MS } from "./options.js";
import type { NatsSettings } from "./options.js";
import { repeat } from "./repeat.js";

/** The bucket drops entries that were not written for an hour: what nodes have left that did not come back. */
export const BUCKET_TTL_MS = 3_600_000;

/**
 * A stream or bucket that was deleted is created again after so many milliseconds. nats-server 2.9 says that a stream
 * is gone before it has removed the files. It would also remove those of a new stream of the same name.
 */
const CREATE_AGAIN_MS = 1000;

/** A message may have headers of up to so many bytes. The engine's have less than 200. */
const HEADER_BYTES = 1024;

/** What of a connection exists only after it was made. */
interface Opened {
  readonly nc: NatsConnection;
  readonly jsm: JetStreamManager;
  readonly kv: KV;
}

/** The connection to NATS of one engine. It asks for its stream several times per lease, to notice a silent server. */
export class NatsSession {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly kv: KV;
  /** The name of the stream with the logs. */
  readonly stream: string;
  /** The most bytes of a record or a message. */
  readonly maxBytes: number;
  state: EngineState = "connected";
  /** Grows when the stream has lost records: it was deleted, or its server was restored from a copy. */
  generation = 0;
  /** How many servers store each record. */
  replicas = 1;

  readonly #settings: NatsSettings;
  readonly #states = new Subscriptions<[EngineState]>();
  readonly #refusals = new Subscriptions<[EngineError]>();
  /** Whether a refusal was reported since the engine was connected. */
  #isRefused = false;
  #created = "";
  #highest = 0;
  #isChecking = false;
  #mayHaveLost = false;
  /** When the stream or the bucket was found missing, as `performance.now()`. */
  #missingSince: number | undefined;
  readonly #timer: ReturnType<typeof setInterval>;

  /** Connects, and creates the stream and the bucket if they do not exist. */
  static async open(settings: NatsSettings): Promise<NatsSession> {
    const nc = settings.connection ?? (await connected(settings));
    try {
      const opened = await repeat(() => openJetStream(nc, settings));
      const session = new NatsSession(settings, { nc, ...opened });
      try {
        session.#found(await repeat(() => session.#openStream()));
        return session;
      } catch (error) {
        session.#end();
        throw error;
      }
    } catch (error) {
      if (settings.connection === undefined) await nc.close();
      throw error instanceof EngineError ? error : openError(error);
    }
  }

  private constructor(settings: NatsSettings, { nc, jsm, kv }: Opened) {
    this.#settings = settings;
    this.nc = nc;
    this.jsm = jsm;
    this.js = jetstream(nc, { timeout: requestMs(settings) });
    this.kv = kv;
    this.stream = streamName(settings);
    this.maxBytes = (nc.info?.max_payload ?? 1_048_576) - HEADER_BYTES;
    this.#timer = setInterval(() => void this.#check(), settings.leaseMs / 3);
    void this.#watchConnection();
  }

  onState(listener: (state: EngineState) => void): () => void {
    const subscription = this.#states.add(listener);
    return () => subscription[Symbol.dispose]();
  }

  onRefused(listener: (error: EngineError) => void): () => void {
    const subscription = this.#refusals.add(listener);
    return () => subscription[Symbol.dispose]();
  }

  /** Throws `EngineError` unless the engine is connected. */
  requireConnected(): void {
    if (this.state === "closed") throw new EngineError("ENGINE_CLOSED", "The engine is closed");
    if (this.state === "away") throw new EngineError("ENGINE_AWAY", "NATS is away");
  }

  /** Notes that the server does not know the stream or the bucket any more. The next check creates them. */
  missing(): void {
    this.#become("away");
  }

  /** Notes that the stream has a message with this number. */
  saw(number: number): void {
    if (number > this.#highest) this.#highest = number;
  }

  async close(): Promise<void> {
    if (this.state === "closed") return;
    this.#end();
    if (this.#settings.connection === undefined) await this.nc.close();
  }

  /** The subject of what `name` is, among those of this cluster. */
  subject(kind: "log" | "send", name: string): string {
    return `${this.#settings.prefix}.${kind}.${name}`;
  }

  #end(): void {
    clearInterval(this.#timer);
    this.#become("closed");
  }

  #become(state: EngineState): void {
    if (this.state === state || this.state === "closed") return;
    this.state = state;
    if (state === "connected") this.#isRefused = false;
    for (const listener of this.#states) listener(state);
  }

  #refused(error: EngineError): void {
    if (this.#isRefused || this.state === "closed") return;
    this.#isRefused = true;
    for (const listener of this.#refusals) listener(error);
  }

  async #watchConnection(): Promise<void> {
    for await (const status of this.nc.status()) {
      const { type } = status;
      if (this.state === "closed") return; // The connection may be one of the program, and go on.
      if (type === "error" && isUnauthorized(status.error))
        this.#refused(refusal(status.error, serversOf(this.#settings, this.nc)));
      if (type === "disconnect" || type === "close") this.#become("away");
      if (type === "reconnect") void this.#check();
    }
  }

  /** Asks for the stream. A server that does not answer in time is away, also while there is a connection. */
  async #check(): Promise<void> {
    if (this.#isChecking || this.state === "closed") return;
    this.#isChecking = true;
    try {
      if (this.state === "away") {
        if (await this.#waitsToCreate()) return;
        await openBucket(this.jsm, this.nc, this.#settings);
        await this.#openStream();
        this.#missingSince = undefined;
      }
      const highest = this.#highest; // A later record may be acknowledged before this answer.
      const info = this.#requireUsable(await this.jsm.streams.info(this.stream));
      if (!this.nc.isClosed()) this.#found(info, highest);
    } catch (error) {
      this.#become("away"); // The next check finds out when this has changed.
      const reason = error instanceof EngineError ? error : openError(error);
      if (reason.code !== "ENGINE_AWAY") this.#refused(reason);
    } finally {
      this.#isChecking = false;
    }
  }

  /** Whether the stream or the bucket is missing, but not for long enough to create it again. */
  async #waitsToCreate(): Promise<boolean> {
    const exist = await Promise.all([this.#exists(this.stream), this.#exists(bucketStream(this.#settings))]);
    if (!exist.includes(false)) return false;
    this.#missingSince ??= performance.now();
    return performance.now() - this.#missingSince < CREATE_AGAIN_MS;
  }

  async #exists(stream: string): Promise<boolean> {
    try {
      await this.jsm.streams.info(stream);
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  #found(info: StreamInfo, highest = 0): void {
    const hasLost = info.state.last_seq < highest;
    if (hasLost && !this.#mayHaveLost) {
      // A server that has become the leader of a replicated stream may not know the last records yet.
      this.#mayHaveLost = true;
      return this.#become("away");
    }
    this.#mayHaveLost = false;
    if (hasLost || info.created !== this.#created) {
      this.generation++;
      this.#highest = 0;
      this.#created = info.created;
      this.#become("away"); // What has read the old records begins again at "connected".
    }
    this.saw(info.state.last_seq);
    this.replicas = info.config.num_replicas;
    this.#become("connected");
  }

  async #openStream(): Promise<StreamInfo> {
    try {
      return this.#requireUsable(await this.jsm.streams.info(this.stream));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    const { Limits } = RetentionPolicy;
    const wanted = {
      name: this.stream,
      subjects: this.#subjects(),
      retention: Limits,
      storage: StorageType.File,
      num_replicas: this.#settings.replicas,
    };
    return this.#requireUsable(await this.jsm.streams.add(wanted));
  }

  #requireUsable(info: StreamInfo): StreamInfo {
    return requireUsable(info, this.#subjects());
  }

  #subjects(): string[] {
    return [`${this.#settings.prefix}.log.>`];
  }
}

function streamName({ prefix }: NatsSettings): string {
  return `${prefix}-logs`;
}

/** The name of the stream that holds the bucket with the leases. */
function bucketStream({ prefix }: NatsSettings): string {
  return `KV_${prefix}-leases`;
}

/** How long a request may take: as long as the lease, but a server under load gets five seconds. */
function requestMs({ leaseMs }: NatsSettings): number {
  return Math.max(LEAST_REQUEST_MS, leaseMs);
}

function serversOf({ connect: { servers } }: Pick<NatsSettings, "connect">, nc?: NatsConnection): string {
  const all = [servers ?? nc?.getServer() ?? "127.0.0.1:4222"].flat();
  return all.map((server) => server.replace(/^.*@/, "")).join(", "); // without a password
}

async function connected({ connect: options }: NatsSettings): Promise<NatsConnection> {
  try {
    return await connect(options);
  } catch (error) {
    const servers = serversOf({ connect: options });
    if (isUnauthorized(error)) throw refusal(error, servers);
    const message = `Cannot connect to NATS at ${servers}: ${(error as Error).message}`;
    throw new EngineError("ENGINE_UNREACHABLE", message, { cause: error });
  }
}

async function openJetStream(nc: NatsConnection, settings: NatsSettings): Promise<Omit<Opened, "nc">> {
  try {
    const jsm = await jetstreamManager(nc, { timeout: requestMs(settings) });
    return { jsm, kv: await openBucket(jsm, nc, settings) };
  } catch (error) {
    throw openError(error);
  }
}

function openError(error: unknown): EngineError {
  const { name, message } = error as Error;
  if (name !== "JetStreamNotEnabled") return engineError(error, "open the stream");
  const hint = "start nats-server with -js, or enable JetStream for the account";
  return new EngineError("ENGINE_NO_JETSTREAM", `NATS has no JetStream (${message}): ${hint}`, { cause: error });
}

async function openBucket(jsm: JetStreamManager, nc: NatsConnection, settings: NatsSettings): Promise<KV> {
  const { prefix, replicas } = settings;
  const js = jetstream(nc, { timeout: requestMs(settings) });
  return new Kvm(js).create(`${prefix}-leases`, {
    ttl: BUCKET_TTL_MS,
    history: 1,
    replicas,
    timeout: jsm.getOptions().timeout ?? 0,
  });
}

/** Refuses a stream that a program or an operator has created with limits that would drop records. */
function requireUsable(info: StreamInfo, subjects: readonly string[]): StreamInfo {
  const { config } = info;
  const wanted = { retention: "limits", max_age: 0, max_msgs: -1, max_bytes: -1, max_msgs_per_subject: -1 } as const;
  const found = [`subjects ${config.subjects.join(" ")}`];
  let isUsable = config.subjects.join(" ") === subjects.join(" ") && !config.deny_purge;
  for (const [name, value] of Object.entries(wanted) as [keyof typeof wanted, string | number][]) {
    if (config[name] !== value) isUsable = false;
    found.push(`${name} ${config[name]}`);
  }
  if (isUsable) return info;
  const message = `The stream ${config.name} exists with another configuration: ${found.join(", ")}`;
  throw new EngineError("ENGINE_BAD_STREAM", message);
}
