// @pb/transport: what all transports of Perspective Broker share.

// For applications; each transport exports these too
export { ReconnectingClient } from "./client/reconnecting-client.js";
export type { ReconnectingCallOptions } from "./client/client-calls.js";
export type { ReconnectingClientOptions } from "./client/reconnecting-client.js";
export { LastingReference } from "./client/lasting-reference.js";
export type { Lasting } from "./client/lasting-reference.js";
export type { LastingState } from "./client/binding.js";
export { Standing } from "./client/standing.js";
export type { StandingContext, StandingOptions, StandingSetup } from "./client/standing.js";
export type { ReconnectState } from "./client/reconnect-state.js";
export { defaultBackoff } from "./client/backoff.js";
export type { Backoff, BackoffOptions } from "./client/backoff.js";
export { defaultLiveness, watchOver } from "./liveness.js";
export type { LivenessOptions } from "./liveness.js";
export { defaultServerLimits } from "./server/admission.js";
export type { LimitChanges, Refusal, ServerLimits } from "./server/admission.js";
export { DuplicateLogin } from "./server/same-user.js";
export type { SameUserOptions } from "./server/same-user.js";
export type { ServerEvent, ServerWatcher } from "./server/server-events.js";
export type { CloseOptions } from "./server/drain.js";
export type { ConnectionOptions } from "./client/connection-options.js";
export type { ServerOptions } from "./server/server-options.js";
export { ServerBusyError } from "@pb/broker/extension";
export { ConnectError, EndpointError, NotConnectedError, OutcomeUnknownError } from "./errors.js";

// For authors of transports
export type { Pulse } from "./pulse.js";
export { defaultPlatform } from "./platform.js";
export type { Platform, Timer } from "./platform.js";
export { checkAfterSleep, completeLiveness } from "./liveness.js";
export { connectionOptionKinds, nestedOptions } from "./client/connection-options.js";
export { openBroker } from "./client/open-broker.js";
export type { Dial, ReconnectingClientHooks } from "./client/reconnecting-client.js";
export { ServerConnections } from "./server/server-connections.js";
export type { ServerConnectionsOptions } from "./server/server-connections.js";
export type { AdmittedConnection, IncomingConnection } from "./server/admitted.js";
export { serverConnections, serverOptionKinds } from "./server/server-options.js";
export { withDefaultWatcher } from "./default-watcher.js";
export { EndpointArguments, splitEndpoint } from "./endpoint-string.js";
export type { EndpointParameters, EndpointParts } from "./endpoint-string.js";
