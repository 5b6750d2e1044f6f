// @pb/cluster: live objects on several processes and hosts.

// Engines
export { MemoryEngine } from "./engine/memory-engine.js";
export type { MemoryEngineOptions } from "./engine/memory-engine.js";
export { MemoryServer } from "./engine/memory-server.js";
export type { ClusterEngine, EngineState, Following, Lease } from "./engine/engine.js";

// Errors
export { EngineError, LogMovedError } from "./errors.js";
export type { EngineErrorCode } from "./errors.js";
