// References on the wire: `(remote id)` is an object of the sender, `(local id)` one of the receiver (wire
// specification 5.5, 5.6).

import { JellyError } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";
import { incomingGraph, outgoingGraph } from "../references/graph-context.js";
import { readNumericId } from "../wire/messages.js";
import { RemoteReference } from "./remote-reference.js";

/**
 * The memory of a reference and of the entries by which it is found and released, less that of an instance, which the
 * unjellier charges (test `heap`).
 */
const REFERENCE_BYTES = 340;
const INSTANCE_BYTES = 56;
/** What releases a reference if its message cannot be read. */
const ARRIVAL_BYTES = 64;

/** `(remote id)`: an object of the peer. */
export const remoteHandler: TypeHandler<RemoteReference> = {
  atoms: ["remote"],
  classes: [RemoteReference],
  identity: false,
  jelly(reference, jellier) {
    const graph = outgoingGraph(jellier, reference);
    const id = graph.pinnedId(reference) ?? RemoteReference.homeId(reference, graph.context);
    jellier.writer.list(2);
    jellier.writer.word("local");
    if (typeof id === "number") jellier.writer.integer(id);
    else jellier.writer.text(id);
  },
  unjelly(unjellier, items, atom) {
    const graph = incomingGraph(unjellier, atom);
    const id = readNumericId(unjellier.reader, items);
    if (id === undefined) throw new JellyError("JELLY_MALFORMED", "The id of a remote object is a number");
    unjellier.charge(REFERENCE_BYTES);
    unjellier.chargeTransient(ARRIVAL_BYTES);
    const { imports } = graph.context;
    const { objectCount } = imports;
    const reference = graph.importReference(id);
    if (imports.objectCount === objectCount) unjellier.charge(-REFERENCE_BYTES - INSTANCE_BYTES);
    return reference;
  },
};

/**
 * `(local id)`: an object of this end that the peer sends back. Null for an unknown id, as in Twisted: the object may
 * have been released.
 */
export const localHandler: TypeHandler = {
  atoms: ["local"],
  classes: [],
  unjelly(unjellier, items, atom) {
    const { context } = incomingGraph(unjellier, atom);
    const kind = items === 1 ? unjellier.reader.kind() : "nothing";
    if (kind !== "integer" && kind !== "bytes")
      throw new JellyError("JELLY_MALFORMED", "The id of a local object is a number or a name");
    const id = kind === "integer" ? Number(unjellier.reader.integer()) : unjellier.reader.text();
    return context.exports.homeOf(id) ?? null;
  },
};
