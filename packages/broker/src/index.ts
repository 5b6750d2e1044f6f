// @pb/broker: calls, references and everything that travels by them.

// For applications
export { Broker } from "./broker.js";
export type { Doorkeeper } from "./broker.js";
export type { BrokerStats } from "./stats.js";
export { BrokerConfig } from "./options.js";
export type { BrokerOptions, ErrorClass, RootSource } from "./options.js";
export { Referenceable, Root } from "./flavors/referenceable.js";
export { AsReferenceable, Avatar, Viewable, ViewPoint } from "./flavors/perspective.js";
export { asLocal, LocalReference } from "./local.js";
export type { LocalOptions } from "./local.js";
export { Copyable, remoteCopy, RemoteCopy } from "./flavors/copyable.js";
export { Cacheable, CacheObserver, remoteCache, RemoteCache } from "./flavors/cacheable.js";
export { broadcast } from "./broadcast.js";
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
export { MemoryStore, Publishable, RemotePublished, remotePublished } from "./publish.js";
export type { PublishedStore } from "./publish.js";
export { getAllPages, getPages, PAGE_BYTES, PageCollector, pagesOf, sendPages } from "./paging.js";
export type { PageCollectorMethods } from "./paging.js";
export { Kwargs, kwargs } from "./kwargs.js";
export type { KwargsOf } from "./kwargs.js";
export type { Parameters } from "./method.js";
export type { CallOptions } from "./call-options.js";
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
export { describeError, RemoteError } from "./failure.js";
export type { ErrorDescription } from "./failure.js";
export type { BrokerEvent, BrokerWatcher } from "./events.js";
export { defaultBrokerLimits } from "./limits.js";
export type { BrokerLimits } from "./limits.js";

// For people building on us
export type { ChannelBindingType, Link, LinkReceiver, Peer, PeerCertificate } from "./link.js";
export type { Callable, Connection, IncomingCall, Perspective } from "./callable.js";
export { incoming, Incoming, outgoing, Outgoing } from "./channel.js";
export type { CallDetails, Channel } from "./channel.js";
export { networkOf } from "./network.js";
export { after, LONGEST_MS } from "./timer.js";
