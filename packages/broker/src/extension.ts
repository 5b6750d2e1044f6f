// @pb/broker/extension: for authors of transports and of types with their own form on the wire.

export type {} from "./globals.js";

// Transports
export type { ChannelBindingType, Link, LinkReceiver, PeerCertificate } from "./link/link.js";
export { BrokerConfig } from "./engine/config.js";
export type { AdmitLogin, ConnectionOwner } from "./engine/connection-owner.js";
export { ServerBusyError } from "./errors.js";
export { networksOf } from "./link/ip-network.js";
export { withDefaults } from "@pb/jelly-types";
export { after, LONGEST_MS } from "./timer.js";
export type { Timer } from "./timer.js";
export { startDeadline, withDeadline } from "./deadline.js";
export type { Deadline, DeadlineOptions } from "./deadline.js";
export { Subscriptions } from "./subscriptions.js";
export { EventRate } from "./engine/event-rate.js";

// Calls
export { AsReferenceable, ViewPoint } from "./flavors/perspective.js";
export type { Callable, IncomingCall } from "./calls/callable.js";
export { RemoteCaller } from "./flavors/remote-reference.js";
export { SharedArguments } from "./references/shared-arguments.js";
export type { RemoteArguments, RemoteName, RemoteResult } from "./flavors/call-types.js";

// Types with their own form on the wire
export { IncomingGraph, incomingGraph, OutgoingGraph, outgoingGraph } from "./references/graph-context.js";
export type { ConnectionContext } from "./references/graph-context.js";
export { sourceChanges } from "./references/message-source.js";
export type { MessageSource } from "./references/message-source.js";
