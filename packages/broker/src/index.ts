// @pb/broker: remote calls, references, copies and caches. For applications.

export type {} from "./globals.js";

// Connections
export { Broker } from "./broker.js";
export type { BrokerStats, ConnectionEnd } from "./stats.js";
export type { BrokerOptions } from "./engine/config.js";
export type { RootSource } from "./engine/root-source.js";
export { defaultBrokerLimits } from "./limits.js";
export type { BrokerLimits } from "./limits.js";
export type { BrokerEvent } from "./events.js";
export type { Connection, Perspective } from "./calls/callable.js";
export type { Peer } from "./link/link.js";

// Objects that the peer can call
export { Referenceable, Root } from "./flavors/referenceable.js";
export { Avatar, Viewable } from "./flavors/perspective.js";
export type { Parameters } from "./calls/dispatch.js";
export { callContext } from "./calls/call-context.js";
export type { CallContext } from "./calls/call-context.js";

// Calls
export { RemoteReference } from "./flavors/remote-reference.js";
export type { RemoteCalls, RemoteMethods } from "./flavors/call-types.js";
export type { Pipelined, Reference, RemoteStream } from "./flavors/remote-reference.js";
export type { CallOptions } from "./calls/call-options.js";
export { Kwargs, kwargs } from "./wire/kwargs.js";
export type { KwargsOf } from "./wire/kwargs.js";
export { asLocal } from "./features/local-reference.js";
export type { LocalOptions } from "./features/local-reference.js";

// Objects that are copied
export { Copyable, remoteCopy, RemoteCopy } from "./flavors/copyable.js";
export { Cacheable, CacheObserver, remoteCache, RemoteCache } from "./flavors/cacheable.js";
export { broadcast } from "./features/broadcast.js";
export { Publishable, RemotePublished, remotePublished } from "./features/publish.js";
export { MemoryStore } from "./features/published-store.js";
export type { PublishedStore } from "./features/published-store.js";
export { getAllPages, getPages, pagesOf, sendPages } from "./features/paging.js";
export { PageCollector } from "./features/page-collector.js";
export type { PageCollectorMethods } from "./features/paging.js";

// Errors
export { PerspectiveBrokerError } from "@pb/banana";
export {
  ArgumentsError,
  CallTimeoutError,
  ConnectionLostError,
  DeadReferenceError,
  LimitError,
  NoSuchAttribute,
  NoSuchMethod,
  PBError,
  ProtocolError,
  UnknownCacheError,
} from "./errors.js";
export type { CloseReason, ProtocolErrorCode } from "./errors.js";
export { describeError, RemoteError } from "./wire/failure.js";
export type { ErrorDescription } from "./wire/failure.js";
