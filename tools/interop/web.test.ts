// The contract between our halves over TCP, WebSocket and MessagePort: the same checks on each, and none left out.

import { MessageChannel } from "node:worker_threads";
import { expect, test } from "vitest";
import { connect, listen as listenToPort } from "@pb/web-transport";
import { listen } from "@pb/web-transport/node";
import { WebSocket } from "ws";
import { allVerdicts, checks } from "./client.js";
import type { Target } from "./client.js";
import { brokerOptions } from "./contract.js";
import type { Dialect, Variant } from "./contract.js";
import { contractRoot } from "./server.js";
import { connectTcp, startServer } from "./tcp.js";

type Started = AsyncDisposable & Pick<Target, "connect">;

/** Starts a server half, and says how to connect to it. */
const transports: Readonly<Record<string, (variant: Variant) => Promise<Started>>> = {
  async TCP(variant) {
    const server = await startServer(variant, 0);
    return { connect: connectTcp(server.port), [Symbol.asyncDispose]: () => server.close() };
  },
  WebSocket: (variant) => overWebSocket(variant, WebSocket),
  "a WebSocket with credit": (variant) => overWebSocket(variant, UnpausableWebSocket),
  async MessagePort(variant) {
    const root = contractRoot(variant);
    const servers: AsyncDisposable[] = [];
    return {
      async connect(broker) {
        const { port1, port2 } = new MessageChannel();
        servers.push(listenToPort(port1, root, { broker: brokerOptions }));
        return connect(port2, { broker });
      },
      async [Symbol.asyncDispose]() {
        for (const server of servers) await server[Symbol.asyncDispose]();
      },
    };
  },
};

/** Has only what the WebSocket of a browser has. */
class UnpausableWebSocket extends WebSocket {
  override pause = undefined as never;
  override resume = undefined as never;
  override terminate = undefined as never;
}
for (const name of ["pause", "resume", "terminate"] as const)
  Object.defineProperty(UnpausableWebSocket.prototype, name, { value: undefined });

async function overWebSocket(variant: Variant, webSocket: typeof WebSocket): Promise<Started> {
  const server = await listen("ws:0:interface=127.0.0.1:path=/pb", contractRoot(variant), { broker: brokerOptions });
  return {
    connect: (broker) => connect(`ws://127.0.0.1:${server.port}/pb`, { broker, webSocket }),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

const rows = Object.keys(transports).flatMap((transport) =>
  (["root", "portal"] as const).flatMap((variant) =>
    (["pb", "none"] as const).map((dialect): [string, Variant, Dialect] => [transport, variant, dialect]),
  ),
);

test.each(rows)("%s, %s, dialect %s", async (transport, variant, dialect) => {
  await using server = await transports[transport]!(variant);
  const verdicts = await allVerdicts({ variant, dialect, connect: server.connect });
  expect(verdicts.filter(({ ok }) => !ok)).toEqual([]);
  expect(verdicts).toHaveLength(Object.keys(checks[variant]).length);
  console.log(`${transport}, ${variant}, dialect ${dialect}: ${verdicts.length} of ${verdicts.length} checks`);
});
