// The smallest server. (examples/pbsimple.py)

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

export class Echoer extends Root {
  remote_echo(text: string): string {
    console.log("echoing:", text);
    return text;
  }
}

await listen(`tcp:${process.argv[2] ?? 8789}:interface=127.0.0.1`, new Echoer());
