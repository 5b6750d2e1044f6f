// @pb/broker: calls, references and everything that travels by them.

// For applications
export { Broker } from "./broker.js";
export type { BrokerStats } from "./broker.js";
export { BrokerConfig } from "./options.js";
export type { BrokerOptions, RootSource } from "./options.js";
export { Referenceable, Root } from "./flavors/referenceable.js";
export { AsReferenceable, Avatar, Viewable, ViewPoint } from "./flavors/perspective.js";
export { RemoteReference } from "./flavors/remote-reference.js";
export type { RemoteCalls } from "./flavors/remote-reference.js";
export { Kwargs, kwargs } from "./kwargs.js";
export type { KwargsOf } from "./kwargs.js";
export type { Parameters } from "./method.js";
export type { CallOptions } from "./connection.js";
export {
  ArgumentsError,
  CallTimeoutError,
  ConnectionLostError,
  DeadReferenceError,
  NoSuchMethod,
  PBError,
  ProtocolError,
} from "./errors.js";
export type { CloseReason, ProtocolErrorCode } from "./errors.js";
export { describeError, RemoteError } from "./failure.js";
export type { ErrorDescription } from "./failure.js";
export type { BrokerEvent, BrokerWatcher } from "./events.js";
export { defaultBrokerLimits } from "./limits.js";
export type { BrokerLimits } from "./limits.js";
export type { Crossing, RemoteArguments, RemoteMethods, RemoteName, RemoteResult } from "./types.js";

// For people building on us
export type { Link, LinkReceiver, Peer } from "./link.js";
export type { Callable, IncomingCall, Perspective } from "./callable.js";
export { incoming, Incoming, outgoing, Outgoing } from "./connection.js";
export type { Connection } from "./connection.js";
