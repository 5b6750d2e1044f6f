// @pb/node-transport: Perspective Broker over Node's sockets.

// For applications
export { connect } from "./connect.js";
export type { ConnectOptions } from "./connect.js";
export { reconnecting, ReconnectingClient } from "./reconnect.js";
export type { ReconnectingCallOptions, ReconnectOptions, ReconnectState } from "./reconnect.js";
export { listen } from "./listen.js";
export type { ListenOptions } from "./listen.js";
export { Server } from "./server.js";
export type { CloseOptions, ServerAddress, ServerEvent, ServerWatcher } from "./server.js";
export { ConnectError, EndpointError, NotConnectedError, OutcomeUnknownError } from "./errors.js";
export type { ConnectErrorCode } from "./errors.js";
export type {
  ClientEndpoint,
  ServerEndpoint,
  SystemdServerEndpoint,
  TcpClientEndpoint,
  TcpServerEndpoint,
  TlsClientEndpoint,
  TlsServerEndpoint,
  UnixClientEndpoint,
  UnixServerEndpoint,
} from "./endpoint.js";
export type { ClientTls, ServerTls } from "./tls-options.js";
export { defaultServerLimits } from "./admission.js";
export type { Refusal, ServerLimits } from "./admission.js";
export { defaultLiveness } from "./liveness.js";
export type { LivenessOptions } from "./liveness.js";
export { DuplicateLogin } from "./logins.js";
export type { SameUserOptions } from "./logins.js";
export { defaultBackoff } from "./backoff.js";
export type { Backoff, BackoffOptions } from "./backoff.js";

// For people building on us
export { SocketLink } from "./socket-link.js";
export type { Pulse } from "./socket-link.js";
export { watchOver } from "./liveness.js";
export { DEFAULT_PORT, parseClientEndpoint, parseServerEndpoint } from "./endpoint.js";
