// Raises two errors: an expected one, and an unexpected one. (howto/pb/exc_server.py)

import { PBError, Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

/** Expected: sent to the caller, and not reported on the server. */
class MyError extends PBError {
  static override readonly remoteType = "__main__.MyError";
}

/** Unexpected: sent to the caller, and reported to `onEvent` of the server. */
class MyError2 extends Error {
  static readonly remoteType = "__main__.MyError2";
}

export class One extends Root {
  remote_broken(): void {
    const message = "fall down go boom";
    console.log(`raising a MyError exception with data '${message}'`);
    throw new MyError(message);
  }

  remote_broken2(): void {
    const message = "hadda owie";
    console.log(`raising a MyError2 exception with data '${message}'`);
    throw new MyError2(message);
  }
}

await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, new One());
