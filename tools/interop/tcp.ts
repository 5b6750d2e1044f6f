// The contract over TCP in Node.

import { connect, listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import type { Target } from "./client.js";
import { brokerOptions } from "./contract.js";
import type { Variant } from "./contract.js";
import { contractRoot } from "./server.js";

/** Our server half on loopback. Port 0 selects a free port. */
export function startServer(variant: Variant, port: number): Promise<Server> {
  return listen({ type: "tcp", port, interface: "127.0.0.1" }, contractRoot(variant), { broker: brokerOptions });
}

/** Connects our client half to a port. */
export function connectTcp(port: number, host = "127.0.0.1"): Target["connect"] {
  return (broker) => connect({ type: "tcp", host, port }, { broker });
}
