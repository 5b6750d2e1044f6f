// What the parts of a ready connection use of each other.

import type { Unjellier } from "@pb/jelly-types";
import type { CloseReason } from "../errors.js";
import type { Link } from "../link/link.js";
import type { ExportHost } from "../references/exports.js";
import type { ConnectionContext } from "../references/graph-context.js";
import type { ImportHost } from "../references/imports.js";
import type { BrokerConfig } from "./config.js";
import type { ConnectionMemory } from "./memory.js";
import type { Outbox } from "./outbox.js";

/** What the parts use of the broker that owns them. The broker alone knows whether the connection is open. */
export interface CoreOwner {
  readonly config: BrokerConfig;
  readonly link: Link;
  /** Objects of this end that are published under a name. */
  readonly published: ExportHost["published"];
  readonly memory: ConnectionMemory;
  /** Throws `ConnectionLostError` when the connection has ended. */
  requireOpen(): void;
  end(reason: CloseReason, cause: Error): void;
  /** Passes bytes to the link. */
  send(bytes: Uint8Array): void;
  /** Pauses or resumes reading, after the load has changed. */
  regulate(): void;
}

export interface ConnectionParts extends ConnectionContext, ExportHost, ImportHost {
  readonly config: BrokerConfig;
  readonly owner: CoreOwner;
  readonly outbox: Outbox;
  /** Reads the values of a message that is read at once. */
  readonly unjellier: Unjellier;
  /** The same for a message that is read in steps, between which messages of other connections are read. */
  readonly ownUnjellier: Unjellier;
  readonly memory: ConnectionMemory;
}
