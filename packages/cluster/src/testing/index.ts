// @pb/cluster/testing: the compliance checks for engines, and an engine that fails when a test wants it to.

export { engineCompliance } from "./engine-compliance.js";
export type { EngineCheck, EngineSystem } from "./engine-compliance.js";
export { FaultyEngine } from "./faulty-engine.js";
