// @pb/broker/testing: in-memory connections and the compliance checks for links, for use in tests.

export { ConnectedPair, connectedPair } from "./pair.js";
export { plain } from "./plain.js";
export { linkPair, MemoryLink } from "../link/memory-link.js";
export type { LinkPairOptions, Sending } from "../link/memory-link.js";
export { linkCompliance } from "./compliance.js";
export type { LinkCheck, LinkEnds } from "./compliance.js";
