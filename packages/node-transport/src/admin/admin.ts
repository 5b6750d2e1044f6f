// The object that an operator calls, over a UNIX socket, with `pb top`, `pb sessions` or `pb call`.

import { PBError, Root } from "@pb/broker";
import type { BrokerLimits } from "@pb/broker";
import { checkNumber } from "@pb/jelly-types";
import type { LimitChanges, ServerLimits } from "@pb/transport";
import { checkAdminOptions } from "./admin-options.js";
import type { AdminOptions, AdminServer } from "./admin-options.js";
import { connectionTable, processState, sessionTable } from "./rows.js";
import type { ConnectionTable, ProcessState, SessionTable } from "./rows.js";

/** Rows of a table, and connections of a leak report, that a caller gets who asks for no other number. */
const ROWS = 1_000;

/** The order of connections. */
const ORDER = "bytesQueued";

/**
 * Shows and changes the servers and portals of a process. A peer that can call it controls them: serve it with
 * {@link listenAdmin}. Methods answer with plain values, so that every peer of Perspective Broker can call them. A
 * wrong argument is answered with a `PBError`.
 */
export class Admin extends Root {
  readonly #options: AdminOptions;

  /** Throws `TypeError` for an unknown option, and for one of the wrong kind. */
  constructor(options: AdminOptions) {
    super();
    checkAdminOptions(options);
    this.#options = options;
  }

  /** The process, its servers and their states. */
  remote_state(): ProcessState {
    return processState(this.#options);
  }

  /** The `first` connections with the highest number `by`, such as `bytesQueued` or `openMs`, and sums over all. */
  remote_connections(first: number = ROWS, by: string = ORDER): ConnectionTable {
    return explained(() => connectionTable(this.#options.servers, count(first), by));
  }

  /** The `first` logins, in their order. */
  remote_sessions(first: number = ROWS): SessionTable {
    return explained(() => sessionTable(this.#options, count(first)));
  }

  /**
   * `disconnect` of all portals: ends the sessions of a user, and refuses logins for `forMs`. Default: until `readmit`.
   * Resolves with the number of sessions.
   */
  async remote_disconnect(user: string, forMs: number | null = null, untilCredentialsChange = false): Promise<number> {
    return this.#change("disconnect", [user, forMs, untilCredentialsChange], async () => {
      const options = { untilCredentialsChange, ...(forMs === null ? {} : { forMs }) };
      return sum(await Promise.all(this.#portals().map((portal) => portal.disconnect(user, options))));
    });
  }

  /** Accepts logins of a user again. False if no portal refused them. */
  remote_readmit(user: string): boolean {
    return this.#change("readmit", [user], () => {
      checkText("The user", user);
      return this.#portals().filter((portal) => portal.readmit(user)).length > 0;
    });
  }

  /** Ends the sessions of users whose credentials have changed. Resolves with their number. */
  async remote_revalidate(): Promise<number> {
    return this.#change("revalidate", [], async () =>
      sum(await Promise.all(this.#portals().map((portal) => portal.revalidate()))),
    );
  }

  /** Closes a connection. False if there is none with this id. A client that reconnects may come back. */
  remote_close(id: string): boolean {
    return this.#change("close", [id], () => {
      checkText("The id of a connection", id);
      const found = this.#connections().filter((connection) => connection.id === id);
      for (const connection of found) connection.terminate("closed", new Error("an operator has closed it"));
      return found.length > 0;
    });
  }

  /** The limits of a server, by its index, and in `broker` those of its connections. */
  remote_limits(server = 0): ServerLimits & { readonly broker: BrokerLimits } {
    return explained(() => this.#server(server).limits);
  }

  /** `setLimits` of a server: `{ connections: 5000, broker: { callsRunning: 100 } }`. */
  remote_set_limits(limits: LimitChanges, server = 0): void {
    this.#change("set_limits", [limits, server], () => {
      if (typeof limits !== "object" || (limits as LimitChanges | null) === null)
        throw new TypeError("The limits must be a dict");
      this.#server(server).setLimits(limits);
    });
  }

  /** Changes the level of the log. Returns the level that it had. */
  remote_set_level(level: string): string {
    return this.#change("set_level", [level], () => {
      checkText("The level", level);
      const { log } = this.#options;
      if (log === undefined) throw new TypeError("This program has given no log to its admin object");
      const before = log.level;
      try {
        log.level = level;
      } catch (error) {
        throw new TypeError((error as Error).message, { cause: error });
      }
      return before;
    });
  }

  /** Switches the tracing of references of all servers. */
  remote_trace_references(isOn: boolean): void {
    this.#change("trace_references", [isOn], () => {
      if (typeof isOn !== "boolean") throw new TypeError("Expected true or false");
      for (const server of this.#options.servers) server.tracesReferences = isOn;
    });
  }

  /** The leak reports of the connection with this id, or of the first 1,000 connections. */
  remote_leak_report(id: string | null = null): string {
    return explained(() => {
      if (id !== null) checkText("The id of a connection", id);
      const chosen = this.#connections().filter((connection) => id === null || connection.id === id);
      if (id !== null && chosen.length === 0) throw new TypeError("There is no connection with this id");
      return chosen
        .slice(0, ROWS)
        .map((connection) => `${connection.id} ${connection.peer.description}\n${connection.leakReport()}`)
        .join("\n\n");
    });
  }

  /** Reads the certificates of all servers with TLS again. Returns how many servers these are. */
  async remote_reload_tls(): Promise<number> {
    return this.#change("reload_tls", [], async () => {
      const reload = async (server: AdminServer): Promise<number> => {
        if (server.reloadTls === undefined) return 0;
        try {
          await server.reloadTls();
          return 1;
        } catch (error) {
          if (error instanceof TypeError) return 0; // It does not use TLS.
          throw new PBError((error as Error).message, { cause: error });
        }
      };
      return sum(await Promise.all(this.#options.servers.map(reload)));
    });
  }

  #change<T>(method: string, args: readonly unknown[], work: () => T): T {
    this.#options.onAction?.(method, args);
    return explained(work);
  }

  #portals(): NonNullable<AdminOptions["portals"]> {
    const { portals = [] } = this.#options;
    if (portals.length === 0) throw new TypeError("This program has given no portal to its admin object");
    return portals;
  }

  #server(index: number): AdminServer {
    const { servers } = this.#options;
    const server = Number.isInteger(index) ? servers[index] : undefined; // "length" is none.
    if (server === undefined) throw new TypeError(`There is no server ${String(index)}`);
    return server;
  }

  #connections() {
    return this.#options.servers.flatMap(({ connections }) => [...connections]);
  }
}

/** Sends a `TypeError`, which is about an argument, to the caller with its message. */
function explained<T>(work: () => T): T {
  const explain = (error: unknown): never => {
    if (error instanceof TypeError) throw new PBError(error.message, { cause: error });
    throw error;
  };
  try {
    const result = work();
    return result instanceof Promise ? (result.catch(explain) as T) : result;
  } catch (error) {
    return explain(error);
  }
}

function checkText(what: string, value: unknown): void {
  if (typeof value !== "string") throw new TypeError(`${what} must be text`);
}

function count(first: unknown): number {
  checkNumber("The number of rows", first);
  return first as number;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
