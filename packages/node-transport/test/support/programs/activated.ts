// A service that inherits a socket, as those of systemd do: activated.ts ENDPOINT [KEY CERTIFICATE]. The endpoint may
// be an object in JSON.

import { Root } from "@pb/broker";
import { listen } from "@pb/node-transport";
import type { ServerEndpoint } from "@pb/node-transport";

class Echo extends Root {
  remote_echo<T>(value: T): T {
    return value;
  }
}

const [endpoint, key, cert] = process.argv.slice(2);
const where = endpoint!.startsWith("{") ? (JSON.parse(endpoint!) as ServerEndpoint) : endpoint!;
const server = await listen(where, new Echo(), key === undefined ? {} : { tls: { key, cert } });
process.on("SIGTERM", () => void server.close({ drainMs: 10_000 }));
console.log(JSON.stringify(server.address));
