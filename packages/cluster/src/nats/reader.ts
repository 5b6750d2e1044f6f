// Reads messages of a stream in order and each once, also when the connection or the server is restarted.
//
// The ordered consumers of @nats-io/jetstream 3.4 may notice only after a minute that a restarted server has forgotten
// them, and end silently after 30 failed attempts. This one begins again as soon as NATS is back.

import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";
import type { ConsumerConfig } from "@nats-io/jetstream";
import { createInbox, nanos, nuid } from "@nats-io/transport-node";
import type { Msg, MsgHdrs, Subscription } from "@nats-io/transport-node";
import { EngineError } from "../errors.js";
import { engineError, isMissing } from "./nats-errors.js";
import type { NatsSession } from "./session.js";

/** A message of a stream. */
export interface StoredMessage {
  readonly subject: string;
  readonly number: number;
  readonly headers: MsgHdrs | undefined;
  readonly data: Uint8Array;
}

/** Options of {@link OrderedReader}. */
export interface ReaderOptions {
  readonly stream: string;
  readonly subject: string;
  /** `all`: each message, from the first one. `latest`: the last one of each subject, again after interruptions. */
  readonly from: "all" | "latest";
  readonly deliver: (message: StoredMessage) => void;
  /** Called before messages are delivered from the beginning. */
  readonly restart?: () => void;
  /** Called when all messages have been delivered that existed when the reading began or went on. */
  readonly caughtUp?: () => void;
}

/** The server sends a sign of life when there was no message for so long. After three times that, it is asked again. */
const HEARTBEAT_MS = 5000;
/** The server forgets a consumer that no connection listens to for so long. */
const FORGET_MS = 30_000;
/** Milliseconds before the next attempt, when the server refuses. */
const RETRY_MS = 500;

/** Reads messages of a stream until it is closed. */
export class OrderedReader {
  /** Resolves when all messages that existed at the start have been delivered. Rejects if that is impossible. */
  readonly started: Promise<void>;

  readonly #session: NatsSession;
  readonly #options: ReaderOptions;
  readonly #unsubscribe: () => void;
  #current: Consumer | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #last = 0;
  #generation: number;
  #isClosed = false;
  #hasStarted = false;
  #resolve!: () => void;
  #reject!: (error: EngineError) => void;

  constructor(session: NatsSession, options: ReaderOptions) {
    this.#session = session;
    this.#options = options;
    this.#generation = session.generation;
    this.started = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.started.catch(() => undefined);
    this.#unsubscribe = session.onState((state) => {
      if (state === "connected") this.#begin();
      if (state === "away") this.#fail(new EngineError("ENGINE_AWAY", "NATS is away"));
      if (state === "closed") this.close();
    });
    if (session.state === "connected") this.#begin();
    else this.#fail(new EngineError("ENGINE_AWAY", "NATS is away"));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unsubscribe();
    clearTimeout(this.#retry);
    this.#current?.end();
    this.#reject(new EngineError("ENGINE_CLOSED", "The reader is closed"));
  }

  /** Rejects {@link started} and closes, if this is the first attempt. A later one is repeated. */
  #fail(error: EngineError): void {
    if (this.#hasStarted || this.#isClosed) return;
    this.#reject(error);
    this.close();
  }

  /** Makes a consumer that begins after the last message that was delivered. An earlier one delivers nothing more. */
  #begin(): void {
    clearTimeout(this.#retry);
    this.#current?.end();
    if (this.#isClosed) return;
    if (this.#options.from === "latest" || this.#generation !== this.#session.generation) {
      this.#generation = this.#session.generation;
      this.#last = 0;
      this.#options.restart?.();
    }
    const { stream, subject, from } = this.#options;
    const start =
      from === "latest"
        ? { deliver_policy: DeliverPolicy.LastPerSubject }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: this.#last + 1 };
    const consumer = new Consumer(
      this.#session,
      stream,
      { filter_subject: subject, ...start },
      {
        deliver: (message) => this.#deliver(message),
        caughtUp: () => this.#caughtUp(),
        broken: (error) => {
          if (consumer === this.#current) this.#broken(error);
        },
      },
    );
    this.#current = consumer;
  }

  #deliver(message: StoredMessage): void {
    if (message.number <= this.#last && this.#options.from === "all") return;
    this.#last = message.number;
    this.#options.deliver(message);
  }

  #caughtUp(): void {
    this.#options.caughtUp?.();
    this.#hasStarted = true;
    this.#resolve();
  }

  #broken(error: unknown): void {
    this.#current?.end();
    if (isMissing(error)) this.#session.missing();
    if (error !== undefined) this.#fail(engineError(error, "read the stream"));
    if (this.#isClosed || this.#session.state !== "connected") return; // Otherwise "connected" begins again.
    this.#retry = setTimeout(() => this.#begin(), error === undefined ? 0 : RETRY_MS);
  }
}

interface ConsumerCallbacks {
  readonly deliver: (message: StoredMessage) => void;
  readonly caughtUp: () => void;
  /** Called with undefined if a message or the sign of life is missing. */
  readonly broken: (error: unknown) => void;
}

/** One consumer of the server, until a message is missing. */
class Consumer {
  readonly #session: NatsSession;
  readonly #stream: string;
  readonly #name = nuid.next();
  readonly #callbacks: ConsumerCallbacks;
  readonly #subscription: Subscription;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #delivered = 0;
  /** The consumer has caught up when it has delivered so many messages. */
  #target = Infinity;
  #isEnded = false;

  constructor(session: NatsSession, stream: string, config: Partial<ConsumerConfig>, callbacks: ConsumerCallbacks) {
    this.#session = session;
    this.#stream = stream;
    this.#callbacks = callbacks;
    const inbox = createInbox();
    this.#subscription = session.nc.subscribe(inbox, {
      callback: (error, message) => {
        if (this.#isEnded) return;
        if (error) callbacks.broken(error);
        else this.#receive(message);
      },
    });
    void this.#create({ ...config, deliver_subject: inbox });
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#subscription.unsubscribe();
    const { state, jsm, nc } = this.#session;
    // The server forgets it in any case.
    if (state === "connected" && !nc.isClosed()) jsm.consumers.delete(this.#stream, this.#name).catch(() => undefined);
  }

  async #create(config: Partial<ConsumerConfig>): Promise<void> {
    try {
      const { delivered, num_pending } = await this.#session.jsm.consumers.add(this.#stream, {
        ...config,
        name: this.#name,
        ack_policy: AckPolicy.None,
        max_deliver: 1,
        flow_control: true,
        idle_heartbeat: nanos(HEARTBEAT_MS),
        inactive_threshold: nanos(FORGET_MS),
        mem_storage: true,
        num_replicas: 1,
      });
      if (this.#isEnded) return;
      this.#target = delivered.consumer_seq + num_pending;
      this.#isAlive();
      if (this.#delivered >= this.#target) this.#callbacks.caughtUp();
    } catch (error) {
      if (!this.#isEnded) this.#callbacks.broken(error);
    }
  }

  #receive(message: Msg): void {
    this.#isAlive();
    if (message.headers?.code === 100) return this.#receiveStatus(message, message.headers);
    const { number, delivery } = numbersOf(message.reply ?? "");
    if (delivery !== this.#delivered + 1) return this.#callbacks.broken(undefined);
    this.#delivered = delivery;
    this.#session.saw(this.#stream === this.#session.stream ? number : 0);
    this.#callbacks.deliver({ subject: message.subject, number, headers: message.headers, data: message.data });
    if (delivery === this.#target && !this.#isEnded) this.#callbacks.caughtUp();
  }

  /** A sign of life or a request of flow control. */
  #receiveStatus(message: Msg, headers: MsgHdrs): void {
    const stalled = headers.get("Nats-Consumer-Stalled");
    if (message.reply) message.respond();
    else if (stalled) this.#session.nc.publish(stalled);
    const last = headers.get("Nats-Last-Consumer");
    if (last !== "" && Number(last) !== this.#delivered) this.#callbacks.broken(undefined);
  }

  #isAlive(): void {
    clearTimeout(this.#timer);
    if (!this.#isEnded) this.#timer = setTimeout(() => this.#callbacks.broken(undefined), 3 * HEARTBEAT_MS);
  }
}

/**
 * The number of a message in its stream and among the deliveries of its consumer, from the subject for its
 * acknowledgment: `$JS.ACK.[DOMAIN.ACCOUNT.]STREAM.CONSUMER.DELIVERIES.NUMBER.DELIVERY.TIME.PENDING[.RANDOM]`.
 */
function numbersOf(reply: string): { number: number; delivery: number } {
  const parts = reply.split(".");
  const first = parts.length > 9 ? 6 : 4;
  return { number: Number(parts[first + 1]), delivery: Number(parts[first + 2]) };
}
