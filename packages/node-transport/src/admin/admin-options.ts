// What an admin object is made of: the servers, portals and log of a program.

import type { Broker, BrokerLimits, Connection } from "@pb/broker";
import { checkOptions } from "@pb/jelly-types";
import type { LimitChanges, ServerLimits } from "@pb/transport";

/** A server of `@pb/node-transport` or `@pb/web-transport`. */
export interface AdminServer {
  readonly state: string;
  readonly connections: ReadonlySet<Broker>;
  readonly limits: ServerLimits & { readonly broker: BrokerLimits };
  setLimits(limits: LimitChanges): void;
  tracesReferences: boolean;
  readonly address?: { readonly host: string; readonly port: number; readonly path?: string | undefined };
  reloadTls?(): Promise<void>;
}

/** A portal of `@pb/cred`. */
export interface AdminPortal {
  sessions(): readonly {
    readonly avatarId: unknown;
    readonly connection: Connection;
    readonly mechanism: string;
    readonly since: Date;
  }[];
  disconnect(
    avatarId: string,
    options?: { readonly forMs?: number | undefined; readonly untilCredentialsChange?: boolean | undefined },
  ): Promise<number>;
  readmit(avatarId: string): boolean;
  revalidate(): Promise<number>;
}

/** Anything with a level that can be set, such as a logger of pino. */
export interface AdminLog {
  level: string;
}

/** The options of `Admin` and `listenAdmin`. */
export interface AdminOptions {
  /** What the operator sees and changes. Methods name a server by its index in this list. */
  readonly servers: readonly AdminServer[];
  /** Default: none. There are no sessions then, and no users to disconnect. */
  readonly portals?: readonly AdminPortal[] | undefined;
  /** The log whose level can be changed. An unknown level must make its setter throw. Default: none. */
  readonly log?: AdminLog | undefined;
  /** Called before each change, with the name of the method and its arguments, for an audit log. */
  readonly onAction?: ((method: string, args: readonly unknown[]) => void) | undefined;
}

/** Throws `TypeError` for an unknown option, a value of another kind, and lists with something else in them. */
export function checkAdminOptions(options: AdminOptions): void {
  checkOptions(options, { servers: "list", portals: "list", log: "object", onAction: "function" });
  const has = (object: unknown, method: string): boolean =>
    typeof (object as Record<string, unknown> | null)?.[method] === "function";
  // Not every caller is checked by a compiler.
  const { servers, portals = [] } = options as { servers?: readonly unknown[]; portals?: readonly unknown[] };
  if (servers?.every((server) => has(server, "setLimits")) !== true)
    throw new TypeError("The option servers must be a list of servers that listen");
  if (options.log !== undefined && typeof options.log.level !== "string")
    throw new TypeError("The option log must have a level that is text");
  if (!portals.every((portal) => has(portal, "revalidate")))
    throw new TypeError("The option portals must be a list of portals");
}
