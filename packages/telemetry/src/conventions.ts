// Names of the OpenTelemetry semantic conventions 1.45 for RPC, in which those below are stable.

/** The name of the system: the value of `rpc.system.name`, and the name of spans whose method is not known. */
export const SYSTEM = "pb";

/** The value of an attribute that would otherwise be a name which is not known in advance. */
export const OTHER = "_OTHER";

export const RPC_SYSTEM_NAME = "rpc.system.name";
export const RPC_METHOD = "rpc.method";
export const RPC_METHOD_ORIGINAL = "rpc.method_original";
export const ERROR_TYPE = "error.type";
export const SERVER_ADDRESS = "server.address";
export const SERVER_PORT = "server.port";
export const NETWORK_PEER_ADDRESS = "network.peer.address";
export const NETWORK_PEER_PORT = "network.peer.port";

export const CLIENT_DURATION = "rpc.client.call.duration";
export const SERVER_DURATION = "rpc.server.call.duration";

/** The buckets of both durations, in seconds. */
export const DURATION_BUCKETS: number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** The id of the connection: not part of the conventions. */
export const CONNECTION_ID = "pb.connection.id";
/** The class that an error has at the peer: not part of the conventions. */
export const REMOTE_ERROR = "pb.error.remote_type";
