// Raises an error when the argument is "panic!". (howto/pb/trap_server.py)

import { PBError, Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

class MyException extends PBError {
  static override readonly remoteType = "__main__.MyException";
}

export class One extends Root {
  remote_fooMethod(arg: unknown): string {
    if (arg === "panic!") throw new MyException();
    return "response";
  }

  remote_shutdown(): void {
    void server.close();
  }
}

const server = await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, new One());
