// @pb/broker: calls, references and everything that travels by them.

// For applications
export { Broker } from "./broker.js";
export type { Doorkeeper } from "./broker.js";
export type { BrokerStats } from "./stats.js";
export { BrokerConfig } from "./engine/config.js";
export type { BrokerOptions, ErrorClass, RootSource } from "./engine/config.js";
export { Referenceable, Root } from "./flavors/referenceable.js";
export { AsReferenceable, Avatar, Viewable, ViewPoint } from "./flavors/perspective.js";
export { asLocal, LocalReference } from "./features/local-reference.js";
export type { LocalOptions } from "./features/local-reference.js";
export { Copyable, remoteCopy, RemoteCopy } from "./flavors/copyable.js";
export { Cacheable, CacheObserver, remoteCache, RemoteCache } from "./flavors/cacheable.js";
export { broadcast } from "./features/broadcast.js";
export { RemoteReference } from "./flavors/remote-reference.js";
export type {
  Crossing,
  Giving,
  Reference,
  RemoteArguments,
  RemoteCalls,
  RemoteMethods,
  RemoteName,
  RemoteResult,
} from "./flavors/remote-reference.js";
export { MemoryStore, Publishable, RemotePublished, remotePublished } from "./features/publish.js";
export type { PublishedStore } from "./features/publish.js";
export { getAllPages, getPages, PAGE_BYTES, PageCollector, pagesOf, sendPages } from "./features/paging.js";
export type { PageCollectorMethods } from "./features/paging.js";
export { Kwargs, kwargs } from "./wire/kwargs.js";
export type { KwargsOf } from "./wire/kwargs.js";
export type { Parameters } from "./calls/dispatch.js";
export type { CallOptions } from "./calls/call-options.js";
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
export type { BrokerEvent, BrokerWatcher } from "./events.js";
export { defaultBrokerLimits } from "./limits.js";
export type { BrokerLimits } from "./limits.js";

// For people building on us
export type { ChannelBindingType, Link, LinkReceiver, Peer, PeerCertificate } from "./link/link.js";
export type { Callable, Connection, IncomingCall, Perspective } from "./calls/callable.js";
export { incoming, Incoming, outgoing, Outgoing } from "./references/graph-context.js";
export type { CallDetails, Channel } from "./references/graph-context.js";
export { networkOf } from "./link/ip-network.js";
export { after, LONGEST_MS } from "./timer.js";
