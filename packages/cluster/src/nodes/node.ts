// What the parts of a cluster share: one node of it.

import type { ClusterEngine } from "../engine/engine.js";
import type { Home } from "../log/record.js";
import type { Peers } from "./peers.js";

export interface Node {
  readonly name: string;
  readonly engine: ClusterEngine;
  /** How it is written into logs. */
  readonly identity: Home;
  readonly peers: Peers;
  /** Whether it can become home. */
  readonly isCandidate: boolean;
  /** Aborts when the node is closed. */
  readonly signal: AbortSignal;
  /** The key that a node holds while it runs. */
  readonly keyOf: (node: string) => string;
  /** Reports an error that belongs to no call. */
  readonly report: (error: unknown) => void;
}
