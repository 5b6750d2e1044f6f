// @pb/node-transport: Perspective Broker over Node's sockets.

// For applications
export { connect } from "./connect.js";
export type { ConnectOptions } from "./connect.js";
export { listen, Server } from "./listen.js";
export type { ListenOptions } from "./listen.js";
export { EndpointError } from "./errors.js";
export type { TcpClientEndpoint, TcpServerEndpoint } from "./endpoint.js";

// For people building on us
export { SocketLink } from "./socket-link.js";
export { parseClientEndpoint, parseServerEndpoint } from "./endpoint.js";
