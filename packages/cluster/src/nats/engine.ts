// The engine on NATS: logs in a stream, leases in a bucket, messages between nodes as plain messages of NATS.

import type { ClusterEngine, EngineState, Following, Lease } from "../engine/engine.js";
import { EngineError } from "../errors.js";
import { Leases } from "./leases.js";
import { append, VoidFilter } from "./log.js";
import { natsSettings } from "./options.js";
import type { NatsEngineOptions } from "./options.js";
import { OrderedReader } from "./reader.js";
import { repeat } from "./repeat.js";
import { NatsSession } from "./session.js";

/**
 * Connects to NATS and resolves with an engine for one node.
 *
 * Throws `TypeError` for a bad option. Rejects with `EngineError`: `ENGINE_UNREACHABLE` if there is no NATS server,
 * `ENGINE_REFUSED` if it refuses the credentials,
 * `ENGINE_NO_JETSTREAM` if it has no JetStream, `ENGINE_BAD_STREAM` if there is a stream of the same name that would
 * drop records, `ENGINE_FAILED` if it refuses something else, such as a permission that is missing.
 */
export async function natsEngine(options: NatsEngineOptions = {}): Promise<ClusterEngine> {
  const settings = natsSettings(options);
  const session = await NatsSession.open(settings);
  try {
    return new NatsEngine(session, await repeat(() => Leases.open(session, settings.prefix, settings.leaseMs)));
  } catch (error) {
    await session.close();
    throw error;
  }
}

class NatsEngine implements ClusterEngine {
  readonly #session: NatsSession;
  readonly #leases: Leases;
  #closed: Promise<void> | undefined;

  constructor(session: NatsSession, leases: Leases) {
    this.#session = session;
    this.#leases = leases;
  }

  get state(): EngineState {
    return this.#session.state;
  }

  get maxBytes(): number {
    return this.#session.maxBytes;
  }

  onState(listener: (state: EngineState) => void): () => void {
    return this.#session.onState(listener);
  }

  onRefused(listener: (error: EngineError) => void): () => void {
    return this.#session.onRefused(listener);
  }

  async claim(key: string, holder: string): Promise<Lease | undefined> {
    return this.#leases.claim(requireName(key), holder);
  }

  watch(prefix: string, listener: (key: string, holder: string | undefined) => void): () => void {
    return this.#leases.watch(requireName(prefix), listener);
  }

  async append(
    log: string,
    record: Uint8Array,
    after: number,
    options: { readonly replace?: boolean } = {},
  ): Promise<number> {
    this.#requireSize(record);
    return append(this.#session, requireName(log), record, after, options.replace === true);
  }

  async follow(log: string, listener: (record: Uint8Array, number: number) => void): Promise<Following> {
    this.#session.requireConnected();
    let filter = new VoidFilter();
    const reader = new OrderedReader(this.#session, {
      stream: this.#session.stream,
      subject: this.#session.subject("log", requireName(log)),
      from: "all",
      restart: () => (filter = new VoidFilter()),
      deliver: (message) => {
        if (filter.admits(message)) listener(message.data, message.number);
      },
    });
    await reader.started;
    return reader;
  }

  send(subject: string, bytes: Uint8Array): void {
    this.#requireSize(bytes);
    // The client would keep it until it is connected again, for nodes that listen then.
    if (this.state === "connected")
      this.#session.nc.publish(this.#session.subject("send", requireName(subject)), bytes);
  }

  listen(subject: string, listener: (bytes: Uint8Array) => void): () => void {
    const subscription = this.#session.nc.subscribe(this.#session.subject("send", requireName(subject)), {
      callback: (error, { data }) => {
        if (!error) listener(data);
      },
    });
    return () => subscription.unsubscribe();
  }

  close(): Promise<void> {
    this.#closed ??= this.#leases.close().then(() => this.#session.close());
    return this.#closed;
  }

  #requireSize({ length }: Uint8Array): void {
    const { maxBytes } = this;
    if (length <= maxBytes) return;
    const message = `${length} bytes are more than NATS accepts (${maxBytes}): see max_payload of nats-server`;
    throw new EngineError("ENGINE_TOO_LARGE", message);
  }
}

/** Throws `TypeError` for a name that would mean something else as a subject of NATS. */
function requireName(name: string): string {
  if (/^[\w=-]+(\.[\w=-]+)*$/.test(name) && name.length <= 1024) return name;
  throw new TypeError(`A name needs parts of A-Z a-z 0-9 _ = - with dots between them, not "${name.slice(0, 100)}"`);
}
