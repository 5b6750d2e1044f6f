// A listening server: its connections, what it tells about them, and its end.

import { Broker } from "@pb/broker";
import { after } from "@pb/broker/extension";
import type { ConnectionLostError } from "@pb/broker";
import type { BrokerConfig } from "@pb/broker/extension";
import { once } from "node:events";
import type { Server as SocketServer, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Admission } from "./admission.js";
import type { Refusal, ServerLimits, Ticket } from "./admission.js";
import { watchOver } from "./liveness.js";
import type { LivenessOptions } from "./liveness.js";
import { Logins } from "./logins.js";
import type { SameUserOptions } from "./logins.js";
import { SocketLink } from "./socket-link.js";
import { peerOf } from "./socket-peer.js";
import type { TlsGate } from "./tls-gate.js";
import type { ServerTls } from "./tls-options.js";

/** Something that happens to a server. */
export type ServerEvent =
  /** A connection is ready: both ends can call. */
  | { readonly kind: "connection"; readonly connection: Broker }
  /** Somebody's credentials were good. */
  | { readonly kind: "login"; readonly connection: Broker; readonly who: unknown }
  /** A connection that had been ready is over. */
  | { readonly kind: "closed"; readonly connection: Broker; readonly reason: ConnectionLostError }
  /** A connection never became ready: TLS or a dialect could not be agreed on. */
  | { readonly kind: "failed"; readonly peer: string; readonly error: Error }
  /** A connection was turned away at the door, by this limit. */
  | { readonly kind: "refused"; readonly peer: string; readonly limit: Refusal }
  /** The system could not give us a connection: `EMFILE` and the like. The server goes on. Or it could not take back the path of a UNIX socket. */
  | { readonly kind: "error"; readonly error: Error };

export type ServerWatcher = (event: ServerEvent) => void;

export interface CloseOptions {
  /** Milliseconds that calls in flight may take to finish, both ways. Default 0: connections are closed at once, after what is written has left. */
  readonly drainMs?: number | undefined;
}

/** Where a server listens. */
export interface ServerAddress {
  /** Of a UNIX socket: empty. */
  readonly host: string;
  /** Of a UNIX socket: 0. */
  readonly port: number;
  /** Of a UNIX socket only. */
  readonly path?: string;
}

/** What {@link listen} has worked out for a {@link Server}. */
export interface ServerParts {
  /** It is listening. */
  readonly server: SocketServer;
  /** Connections that came before anybody was told of them. */
  readonly early: readonly Socket[];
  readonly config: BrokerConfig;
  readonly limits: ServerLimits;
  readonly liveness: LivenessOptions | false;
  readonly logins: SameUserOptions | undefined;
  /** Where TLS is spoken. */
  readonly tls: TlsGate | undefined;
  /** The path of a UNIX socket, and what gives it back, while the server still listens. */
  readonly path: string | undefined;
  readonly release: () => Promise<void>;
}

export class Server {
  readonly #parts: ServerParts;
  readonly #admission: Admission;
  readonly #logins: Logins;
  readonly #brokers = new Set<Broker>();
  /** Those whose brokers are not ready yet, or do not exist yet. */
  readonly #arriving = new Set<Duplex>();
  readonly #watchers = new Set<ServerWatcher>();
  readonly #address: ServerAddress;
  #closing: Promise<void> | undefined;

  /** For {@link listen}. */
  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#admission = new Admission(parts.limits);
    this.#logins = new Logins(parts.logins);
    this.#address = addressOf(parts.server, parts.path);
    const secure = parts.tls?.secure.bind(parts.tls);
    const arrived = (socket: Socket): void => this.#arrived(socket, secure && (() => secure(socket)));
    parts.server.on("connection", arrived).on("error", (error) => this.#tell({ kind: "error", error }));
    for (const socket of parts.early) arrived(socket);
  }

  /** Where it listens: with the real port, when any free one was asked for. */
  get address(): ServerAddress {
    return this.#address;
  }

  get port(): number {
    return this.#address.port;
  }

  /** The connections of the moment, those included that still negotiate. */
  get connections(): ReadonlySet<Broker> {
    return this.#brokers;
  }

  /** Tells `watcher` what happens from now on, until what is returned is disposed of. */
  onEvent(watcher: ServerWatcher): Disposable {
    const entry: ServerWatcher = (event) => watcher(event);
    this.#watchers.add(entry);
    return { [Symbol.dispose]: () => void this.#watchers.delete(entry) };
  }

  /** Serves a stream that was connected by other means, as if it had come in here. */
  accept(stream: Duplex): void {
    this.#arrived(stream);
  }

  /**
   * Reads the certificate and key files anew, or takes other options, all of them. Connections that are there stay; those that come see the new
   * ones. Rejects when a file cannot be read, or holds no key or no certificate; then nothing has changed; with `TypeError` where
   * no TLS is spoken.
   */
  async reloadTls(tls?: ServerTls): Promise<void> {
    if (this.#parts.tls === undefined) throw new TypeError("This server does not speak TLS");
    await this.#parts.tls.reload(tls);
  }

  /**
   * Takes no more connections, lets calls in flight finish for `drainMs`, closes what is left, and resolves when all are closed. A UNIX socket's path
   * is free at once.
   */
  close({ drainMs = 0 }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(drainMs);
    return this.#closing;
  }

  /** Ends everything at once; what is queued is thrown away. Works on a server that is draining, too. */
  async destroy(): Promise<void> {
    for (const stream of this.#arriving) stream.destroy();
    for (const broker of this.#brokers) broker.terminate("closed");
    await this.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(drainMs: number): Promise<void> {
    const { server, release } = this.#parts;
    const closed = once(server, "close");
    // In this order: whoever wants the path meets a server there as long as it is ours.
    await release().catch((error: unknown) => this.#tell({ kind: "error", error: error as Error }));
    server.close();
    for (const stream of this.#arriving) stream.destroy();
    await Promise.all([...this.#brokers].map((broker) => drain(broker, drainMs)));
    await closed;
  }

  #arrived(stream: Duplex & { readonly remoteAddress?: string | undefined }, secure?: () => Promise<Duplex>): void {
    const { remoteAddress: address } = stream;
    const ticket = this.#admission.enter(address);
    if (typeof ticket === "string" || this.#closing !== undefined) {
      stream.on("error", () => undefined).destroy();
      if (typeof ticket === "string") this.#tell({ kind: "refused", peer: this.#nameOf(stream), limit: ticket });
      return;
    }
    this.#arriving.add(stream);
    const gone = (): void => {
      this.#arriving.delete(stream);
      ticket.move("gone");
    };
    if (stream.destroyed) gone();
    else stream.once("close", gone);
    if (secure === undefined) this.#serve(stream, stream, ticket);
    else {
      const peer = this.#nameOf(stream);
      secure().then(
        (secured) => this.#serve(stream, secured, ticket),
        (error: unknown) => this.#tell({ kind: "failed", peer, error: error as Error }),
      );
    }
  }

  /** `stream` is what arrived, `secured` what to speak over: another one with TLS. */
  #serve(stream: Duplex, secured: Duplex, ticket: Ticket): void {
    const { config, liveness } = this.#parts;
    const link = new SocketLink(secured, "listener", peerOf(secured, "listener", this.#address.path));
    const broker: Broker = new Broker(link, config, (who) => this.#admit(broker, ticket, who));
    this.#brokers.add(broker);
    const gone = broker.closed.then((reason) => {
      this.#brokers.delete(broker);
      return reason;
    });
    broker.ready.then(
      () => {
        this.#arriving.delete(stream);
        this.#becameReady(broker, ticket);
        void gone.then((reason) => this.#tell({ kind: "closed", connection: broker, reason }));
      },
      (error: unknown) => this.#tell({ kind: "failed", peer: link.peer.description, error: error as Error }),
    );
    if (liveness !== false) watchOver(broker, link, liveness);
  }

  #becameReady(broker: Broker, ticket: Ticket): void {
    const { config, limits } = this.#parts;
    if (config.root?.requiresLogin === true) this.#expectLogin(broker, ticket, limits.loginMs);
    else ticket.move("welcome");
    this.#tell({ kind: "connection", connection: broker });
  }

  #expectLogin(broker: Broker, ticket: Ticket, ms: number): void {
    ticket.move("stranger");
    const timer = after(ms, () => {
      if (!this.#known.has(broker)) broker.terminate("limit", new Error(`it did not log in within ${ms} ms`));
    })?.unref();
    void broker.closed.then(() => clearTimeout(timer));
  }

  /** Those who have logged in. */
  readonly #known = new WeakSet<Broker>();

  async #admit(broker: Broker, ticket: Ticket, who: unknown): Promise<Disposable> {
    const login = await this.#logins.enter(broker, who);
    this.#known.add(broker);
    ticket.move("welcome");
    this.#tell({ kind: "login", connection: broker, who });
    return login;
  }

  #nameOf(stream: Duplex): string {
    return peerOf(stream, "listener", this.#address.path).description;
  }

  #tell(event: ServerEvent): void {
    for (const watcher of this.#watchers) {
      try {
        watcher(event);
      } catch (error) {
        this.#parts.config.onEvent({ kind: "callback-failed", error });
      }
    }
  }
}

/** Closes a connection, once its calls have finished or the time is over. */
async function drain(broker: Broker, ms: number): Promise<void> {
  if (ms > 0) {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = after(ms, resolve)));
    await Promise.race([broker.idle().catch(() => undefined), late]);
    clearTimeout(timer);
  }
  await broker.close();
}

function addressOf(server: SocketServer, path: string | undefined): ServerAddress {
  const address = server.address();
  if (path !== undefined) return { host: "", port: 0, path };
  if (typeof address === "string") return { host: "", port: 0, path: address };
  // Node does not know the path of a UNIX socket that it inherited.
  return address === null ? { host: "", port: 0, path: "(inherited)" } : { host: address.address, port: address.port };
}
