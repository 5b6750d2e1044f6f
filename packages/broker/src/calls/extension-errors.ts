// Why a call was stopped, or did not run because of the call that it depends on (docs/extension.md). The caller gets
// each as a `RemoteError`.

import { PBError } from "../errors.js";
import { RemoteError } from "../wire/failure.js";

/** There is no such expectation, or the call that this one depends on did not run for the same reason. */
export class NotExpected extends PBError {
  static override readonly remoteType: string = "pbx.NotExpected";

  constructor() {
    super("Invalid Object ID");
  }
}

/** The call that this one depends on failed. */
export class DependencyFailed extends PBError {
  static override readonly remoteType: string = "pbx.DependencyFailed";

  constructor(message: string) {
    super(`The call on which this one depends failed: ${message}`);
  }
}

/** The result of the call that this one depends on cannot be called. */
export class NotAReference extends PBError {
  static override readonly remoteType: string = "pbx.NotAReference";

  constructor() {
    super("The result of the call is not an object of this end, and cannot be called");
  }
}

/** A call that must run once does not run: its key is malformed or belongs to another call, or there is no place. */
export class OnceRefused extends PBError {
  static override readonly remoteType: string = "pbx.OnceRefused";
}

/** A call that must run once has run, but its answer cannot be sent again. */
export class AnswerNotKept extends PBError {
  static override readonly remoteType: string = "pbx.AnswerNotKept";

  constructor() {
    super("The method has run, but its answer was lost with the connection and cannot be sent again");
  }
}

/** A call that must run once has perhaps run: its answer would have been forgotten by now. */
export class AnswerForgotten extends PBError {
  static override readonly remoteType: string = "pbx.AnswerForgotten";

  constructor() {
    super("The method may or may not have run: the peer is another one, or does not keep the answer anymore");
  }
}

/** Why the signal of a call aborts whose caller does not wait anymore. */
export function canceledByCaller(): PBError {
  return new PBError("The caller has canceled the call");
}

/** Whether a method that was canceled failed for that reason. */
export function isDueToCancel(error: unknown, reason: Error): boolean {
  return error === reason || (error instanceof Error && error.name === "AbortError");
}

const CANCELED = "pbx.Canceled";

/** The method failed after the call was canceled, or its deadline was over. */
export class Canceled extends PBError {
  static override readonly remoteType: string = CANCELED;

  constructor() {
    super("The call was canceled, or its deadline is over");
  }
}

/** Whether an error that has arrived says that the call was canceled. */
export function isCanceled(error: unknown): boolean {
  return error instanceof RemoteError && error.remoteType === CANCELED;
}
