// The parts of a ready connection. A record: each part does its own work, and reaches the others through it.

import type { Dialect } from "@pb/banana";
import { Unjellier } from "@pb/jelly-types";
import type { Callable, Connection } from "../calls/callable.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import type { Link } from "../link/link.js";
import { ExportTable } from "../references/exports.js";
import { ImportTable } from "../references/imports.js";
import { Caller } from "./caller.js";
import type { BrokerConfig } from "./config.js";
import type { ConnectionParts, CoreOwner } from "./connection-parts.js";
import type { ConnectionMemory } from "./memory.js";
import { Outbox } from "./outbox.js";
import { Responder } from "./responder/responder.js";

export class ConnectionCore implements ConnectionParts {
  readonly connection: Connection;
  readonly config: BrokerConfig;
  readonly owner: CoreOwner;
  /** Objects of this end that are published under a name. */
  readonly published: ReadonlyMap<string, Callable>;
  readonly outbox: Outbox;
  readonly unjellier: Unjellier;
  readonly memory: ConnectionMemory;
  readonly exports: ExportTable;
  readonly imports: ImportTable<RemoteReference>;
  readonly caller: Caller;
  readonly responder: Responder;
  openStreams = 0;

  constructor(
    connection: Connection,
    config: BrokerConfig,
    owner: CoreOwner,
    published: ReadonlyMap<string, Callable>,
    link: Link,
    dialect: Dialect,
    memory: ConnectionMemory,
  ) {
    this.memory = memory;
    this.connection = connection;
    this.config = config;
    this.owner = owner;
    this.published = published;
    this.outbox = new Outbox(dialect, config, connection, link, (bytes) => owner.send(bytes));
    this.unjellier = new Unjellier({
      registry: config.types,
      policy: config.policy,
      heap: memory.heap,
      ...config.exactness,
      unknownCopies: config.unknownCopies,
      onDropped: (type, names) => config.reportDropped(type, names, connection),
      onUnpersistable: (reason) => config.reportUnpersistable(reason, connection),
    });
    this.exports = new ExportTable(this);
    this.imports = new ImportTable(this, (id, perspective) => new RemoteReference(this, id, perspective));
    this.caller = new Caller(this);
    this.responder = new Responder(this);
  }
}
