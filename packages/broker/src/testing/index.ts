// @pb/broker/testing: connections in memory, and what every link must do, for tests.

export { ConnectedPair, connectedPair } from "./pair.js";
export { linkPair, MemoryLink } from "../link/memory-link.js";
export type { LinkPairOptions, Sending } from "../link/memory-link.js";
export { linkCompliance } from "./compliance.js";
export type { LinkCheck, LinkEnds } from "./compliance.js";
