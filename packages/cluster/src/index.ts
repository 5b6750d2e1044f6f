// @pb/cluster: live objects on several processes and hosts.

export { Cluster } from "./cluster.js";
export type { ClusterOptions } from "./cluster.js";
export { ClusterLive } from "./live/cluster-live.js";
export type { HomeFactory } from "./live/cluster-live.js";
export type { HomeState } from "./home/home-state.js";
export { ClusterChannel } from "./users/channel.js";
export { ClusterPresence, PresenceMethods } from "./users/presence.js";
export type { PresenceInfo, PresenceState } from "./users/presence.js";
export type { LoginServer } from "./users/logins.js";
export { NodeAvatar } from "./nodes/node-avatar.js";
export type { ConnectNode } from "./nodes/peers.js";

// Engines
export { MemoryEngine } from "./engine/memory-engine.js";
export type { MemoryEngineOptions } from "./engine/memory-engine.js";
export { MemoryServer } from "./engine/memory-server.js";
export type { ClusterEngine, EngineState, Following, Lease } from "./engine/engine.js";

// Errors
export { ClusterError, EngineError, LogMovedError, NoHomeError } from "./errors.js";
export type { ClusterErrorCode, EngineErrorCode } from "./errors.js";
