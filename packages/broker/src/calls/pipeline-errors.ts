// Why a call to a result that the caller does not know yet has not run (docs/extension.md). The caller receives each as
// a `RemoteError`.

import { PBError } from "../errors.js";

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
