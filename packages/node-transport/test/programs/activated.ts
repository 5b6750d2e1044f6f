// A service that systemd starts when somebody connects: activated.ts ENDPOINT.

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

class Echo extends Root {
  remote_echo<T>(value: T): T {
    return value;
  }
}

const server = await listen(process.argv[2]!, new Echo());
process.on("SIGTERM", () => void server.close({ drainMs: 10_000 }));
console.log(JSON.stringify(server.address));
