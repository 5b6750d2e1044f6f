// @pb/cluster/nats: the engine on NATS with JetStream.

export { natsEngine } from "./engine.js";
export type { NatsEngineOptions } from "./options.js";
