// @pb/broker/testing: connections in memory, for tests.

export { connectedPair, linkPair, MemoryLink } from "./memory-link.js";
export type { LinkPairOptions } from "./memory-link.js";
