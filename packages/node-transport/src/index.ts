// @pb/node-transport: Perspective Broker over Node's sockets.

// For applications
export { connect } from "./client/connect.js";
export type { ConnectOptions } from "./client/connect.js";
export { reconnecting } from "./client/reconnecting.js";
export type { ReconnectOptions } from "./client/reconnecting.js";
export { listen } from "./server/listen.js";
export type { ListenOptions } from "./server/listen.js";
export { Server } from "./server/server.js";
export type { ServerAddress } from "./server/server.js";
export { SocketError, TlsOptionError } from "./errors.js";
export type { ConnectErrorCode, TlsOptionErrorCode } from "./errors.js";
export type {
  ClientEndpoint,
  DescriptorServerEndpoint,
  ServerEndpoint,
  SystemdServerEndpoint,
  TcpClientEndpoint,
  TcpServerEndpoint,
  TlsClientEndpoint,
  TlsServerEndpoint,
  UnixClientEndpoint,
  UnixServerEndpoint,
} from "./endpoint/endpoint-types.js";
export type { ClientTls, ServerTls } from "./tls/tls-options.js";

// For applications, shared with other transports
export {
  ConnectError,
  defaultBackoff,
  defaultLiveness,
  defaultServerLimits,
  DuplicateLogin,
  EndpointError,
  LastingReference,
  NotConnectedError,
  OutcomeUnknownError,
  ReconnectingClient,
  ServerBusyError,
  Standing,
} from "@pb/transport";
export type {
  Backoff,
  BackoffOptions,
  CloseOptions,
  ConnectionOptions,
  Lasting,
  LastingState,
  LivenessOptions,
  ReconnectingCallOptions,
  ReconnectState,
  Refusal,
  SameUserOptions,
  ServerEvent,
  LimitChanges,
  ServerLimits,
  ServerOptions,
  ServerWatcher,
  StandingContext,
  StandingOptions,
  StandingSetup,
} from "@pb/transport";

// For authors of transports and proxies
export { SocketLink } from "./socket/socket-link.js";
export { checkSocketOptions, openSocket } from "./client/open-socket.js";
export type { SocketOptions } from "./client/open-socket.js";
export { explainSystemError } from "./socket/system-errors.js";
export type { SocketAttempt } from "./socket/system-errors.js";
export { asciiHost } from "./endpoint/host-name.js";
export { nodePlatform } from "./platform.js";
export { trustedAddresses } from "./proxy/trusted-proxies.js";
export { serverContextOptions } from "./tls/tls-material.js";
export { checkTlsOptions, clientCertificatesOf, serverTlsKinds } from "./tls/tls-options.js";
export { watchOver } from "@pb/transport";
export type { Pulse } from "@pb/transport";
export { clientEndpoint, DEFAULT_PORT, parseClientEndpoint, parseServerEndpoint } from "./endpoint/endpoint.js";
