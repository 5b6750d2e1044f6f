// @pb/telemetry/node: calls on the channels of Node's diagnostics_channel.

export { callChannelNames, callChannels } from "./channels.js";
export type { CallMessage } from "./channels.js";
