// Errors of registered classes: sent as a failure, which every peer can read, that also contains a copy of the error.
//
// A stock peer closes its connection when it receives an error of a class that it has not registered (wire
// specification 5.12). For such a peer, the copy is only bytes in an attribute that it does not look at.

import { BananaReader, BananaWriter, none } from "@pb/banana";
import { Jellier } from "@pb/jelly-types";
import type { Perspective } from "../calls/callable.js";
import { IncomingGraph, OutgoingGraph } from "../references/graph-context.js";
import { copyInside, Failure } from "../wire/failure.js";
import type { RemoteError } from "../wire/failure.js";
import type { ConnectionParts } from "./connection-parts.js";

/** A larger copy is left out: the rest of the failure is what the caller has to know. */
const LARGEST_COPY = 64 * 1024;

/** The failure for an error of a registered class. */
export function failureWithCopy(core: ConnectionParts, error: Error, perspective: Perspective): Failure {
  const { config } = core;
  const described = config.describeError(error);
  const name = config.types.writing(error)?.atoms[0];
  const isNamed = name === undefined || described.parents.includes(name);
  const description = isNamed ? described : { ...described, type: name, parents: [name, ...described.parents] };
  return new Failure(description, writeCopy(core, error, perspective));
}

/** Undefined when the error cannot be sent by itself: it contains references, or what cannot be sent. */
function writeCopy(core: ConnectionParts, error: Error, perspective: Perspective): Uint8Array | undefined {
  const graph = new OutgoingGraph(core, perspective);
  const writer = new BananaWriter({ dialect: none, limits: core.config.limits.banana });
  try {
    new Jellier(writer, { registry: core.config.types }).writeGraph(error, graph);
    return graph.countsAny || writer.position > LARGEST_COPY ? undefined : writer.take();
  } catch {
    return undefined;
  } finally {
    graph.rollback();
  }
}

/** The copy in a received failure, if its class is registered here. */
export function readCopy(core: ConnectionParts, failure: RemoteError, perspective: Perspective): Error | undefined {
  const bytes = copyInside(failure);
  if (bytes === undefined) return undefined;
  const incoming = new IncomingGraph(core, perspective);
  try {
    const reader = new BananaReader().reset(bytes, 0, bytes.length, none, 0);
    const copy = core.unjellier.readGraph(reader, incoming);
    return copy instanceof Error ? copy : undefined;
  } catch {
    return undefined; // Its class is not registered, or refuses the state: the failure itself is complete.
  } finally {
    // A copy from this implementation has no references.
    if (incoming.arrivals.length > 0) incoming.rollback();
  }
}
