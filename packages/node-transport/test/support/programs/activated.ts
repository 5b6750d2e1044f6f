// A service that systemd starts at the first connection: activated.ts ENDPOINT [KEY CERTIFICATE]

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";

class Echo extends Root {
  remote_echo<T>(value: T): T {
    return value;
  }
}

const [endpoint, key, cert] = process.argv.slice(2);
const server = await listen(endpoint!, new Echo(), key === undefined ? {} : { tls: { key, cert } });
process.on("SIGTERM", () => void server.close({ drainMs: 10_000 }));
console.log(JSON.stringify(server.address));
