// @pb/web-transport/node: WebSocket servers in Node. Needs the package ws.

export { listen, NodeWebServer } from "./node/listen.js";
export type { ListenOptions } from "./node/listen.js";
export { attach } from "./node/attach.js";
export type { AttachOptions, UpgradeSource } from "./node/attach.js";
export { gateway, Gateway } from "./node/gateway.js";
export type { GatewayOptions } from "./node/gateway.js";
export type { WebSocketEndpoint } from "./node/endpoint.js";
export type { UpgradeOptions } from "./node/upgrades.js";
