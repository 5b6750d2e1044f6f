// @pb/web-transport: Perspective Broker over WebSocket, MessagePort and workers.

// For applications
export { connect } from "./client/connect.js";
export type { ConnectOptions, DialOptions, Target } from "./client/connect.js";
export { reconnecting } from "./client/reconnecting.js";
export type { ReconnectOptions, TargetSource } from "./client/reconnecting.js";
export { listen, openPort } from "./server/listen.js";
export type { OtherWindow, PortSource } from "./server/listen.js";
export { accept } from "./server/accept.js";
export type { AcceptOptions } from "./server/accept.js";
export { WebServer } from "./server/web-server.js";
export type { AcceptedRequest, WebServerOptions } from "./server/web-server.js";
export { LinkError } from "./errors.js";
export type { ConnectErrorCode, LinkErrorCode } from "./errors.js";

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

// For authors of transports
export { PortLink } from "./link/port-link.js";
export type { PortLike } from "./link/port-like.js";
export { WebSocketLink } from "./link/web-socket-link.js";
export type { WebSocketLinkOptions } from "./link/web-socket-link.js";
export type { WebSocketLike } from "./link/web-socket-like.js";
