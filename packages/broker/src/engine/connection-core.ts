// The parts of a ready connection. A record: each part does its own work, and reaches the others through it.

import type { Dialect } from "@pb/banana";
import type { Unjellier } from "@pb/jelly-types";
import type { Connection, Perspective } from "../calls/callable.js";
import { RemoteReference } from "../flavors/remote-reference.js";
import { ExportTable } from "../references/exports.js";
import type { ExportHost } from "../references/exports.js";
import { ImportTable } from "../references/imports.js";
import { Caller } from "./caller.js";
import type { BrokerConfig } from "./config.js";
import type { ConnectionParts, CoreOwner } from "./connection-parts.js";
import type { ConnectionMemory } from "./memory.js";
import { Outbox } from "./outbox.js";
import { Responder } from "./responder/responder.js";
import type { ObjectId } from "../wire/messages.js";

export class ConnectionCore implements ConnectionParts {
  readonly connection: Connection;
  readonly config: BrokerConfig;
  readonly owner: CoreOwner;
  readonly published: ExportHost["published"];
  readonly outbox: Outbox;
  readonly memory: ConnectionMemory;
  readonly exports: ExportTable;
  readonly imports: ImportTable<RemoteReference>;
  readonly caller: Caller;
  readonly responder: Responder;
  openStreams = 0;

  constructor(connection: Connection, owner: CoreOwner, dialect: Dialect) {
    const { config, published, memory } = owner;
    this.connection = connection;
    this.owner = owner;
    this.config = config;
    this.published = published;
    this.memory = memory;
    this.outbox = new Outbox(dialect, connection, owner);
    this.exports = new ExportTable(this);
    this.imports = new ImportTable(this);
    this.caller = new Caller(this);
    this.responder = new Responder(this);
  }

  get unjellier(): Unjellier {
    return this.config.codecs.unjellierFor(this.memory.heap);
  }

  get ownUnjellier(): Unjellier {
    return this.config.codecs.newUnjellier(this.memory.heap);
  }

  makeProxy(id: ObjectId, perspective: Perspective): RemoteReference {
    return new RemoteReference(this, id, perspective);
  }
}
