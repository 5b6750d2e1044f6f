// Errors of a cluster and of its engines.

import { PBError, PerspectiveBrokerError } from "@pb/broker";

/**
 * Stable codes of an {@link EngineError}.
 *
 * - `ENGINE_AWAY`: the engine cannot be reached. A record may or may not have been appended.
 * - `ENGINE_CLOSED`: the engine was closed.
 * - `ENGINE_TOO_LARGE`: a record or a message has more bytes than the engine accepts. Nothing was appended or sent.
 * - `ENGINE_UNREACHABLE`: a new engine cannot connect.
 * - `ENGINE_REFUSED`: the server of the engine refuses the credentials of the node.
 * - `ENGINE_NO_JETSTREAM`: the NATS server has no JetStream.
 * - `ENGINE_BAD_STREAM`: NATS has a stream of the same name, with limits that would drop records.
 * - `ENGINE_FAILED`: NATS refuses the request for another reason, such as a permission or a limit: see `cause`.
 */
export type EngineErrorCode =
  | "ENGINE_AWAY"
  | "ENGINE_CLOSED"
  | "ENGINE_TOO_LARGE"
  | "ENGINE_UNREACHABLE"
  | "ENGINE_REFUSED"
  | "ENGINE_NO_JETSTREAM"
  | "ENGINE_BAD_STREAM"
  | "ENGINE_FAILED";

/** The engine cannot do what it was asked for now. */
export class EngineError extends PerspectiveBrokerError {
  override readonly name = "EngineError";
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A record was not appended: the log has a later record than the one that it should follow. */
export class LogMovedError extends PerspectiveBrokerError {
  override readonly name = "LogMovedError";
  readonly code = "ENGINE_LOG_MOVED";

  constructor(log: string, after: number, options?: { readonly cause?: unknown }) {
    super(`The last record of the log ${log} is not number ${after}`, options);
  }
}

/**
 * A call to a live object of a cluster did not run, because no home can be reached now. It is safe to call again. The
 * client of a node receives it as a `RemoteError` of the type `pb.NoHome`.
 */
export class NoHomeError extends PBError {
  static override readonly remoteType: string = "pb.NoHome";
  override readonly name = "NoHomeError";
  override readonly code = "CLUSTER_NO_HOME";
}

/**
 * Stable codes of a {@link ClusterError}.
 *
 * - `CLUSTER_NOT_HOME`: an update was not written, because another node has become home.
 * - `CLUSTER_OUTCOME_UNKNOWN`: an update may or may not have been written: other nodes have become home meanwhile, or
 *   the node was closed.
 * - `CLUSTER_TOO_LARGE`: the state, or what has changed, does not fit into one record of the engine. It is as before.
 * - `CLUSTER_BAD_RECORD`: a log contains a record that cannot be read, for example of a newer version.
 * - `CLUSTER_CLOSED`: the node or the channel was closed.
 * - `CLUSTER_NAME_TAKEN`: another running node has the same name. Reported to `onError`, once for each such node.
 * - `CLUSTER_NODE_REFUSED`: another node refuses the login of this one, for example for another secret. The method has
 *   not run. Also reported to `onError`, once for each start of that node, and tried again after a minute.
 */
export type ClusterErrorCode =
  | "CLUSTER_NOT_HOME"
  | "CLUSTER_OUTCOME_UNKNOWN"
  | "CLUSTER_TOO_LARGE"
  | "CLUSTER_BAD_RECORD"
  | "CLUSTER_CLOSED"
  | "CLUSTER_NAME_TAKEN"
  | "CLUSTER_NODE_REFUSED";

/** An update of a live object has failed, a log cannot be read, or nodes do not work with each other. */
export class ClusterError extends PBError {
  static override readonly remoteType: string = "pb.ClusterError";
  override readonly name = "ClusterError";
  override readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
