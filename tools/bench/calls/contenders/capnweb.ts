/** Cap'n Web over ws. */

import { newWebSocketRpcSession, RpcTarget } from "capnweb";
import type { RpcStub } from "capnweb";
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { createServer } from "node:http";
import { WebSocket as Socket, WebSocketServer } from "ws";
import { listen } from "../../../process/ports.js";
import { methodsOf } from "../library.js";
import type { Client, credentials, Update } from "../library.js";

// Cap'n Web uses the constants of the browser's class, which Node 20 does not have.
(globalThis as { WebSocket?: unknown }).WebSocket ??= Socket;

type Observer = RpcStub<(update: Update) => void>;

const methods = methodsOf<Observer>((observers, update) => {
  for (const observer of observers) ignoreResult(observer(update));
});

class Handle extends RpcTarget {
  look(): number {
    return 42;
  }
}

/**
 * The methods of the library; `open` returns an object, and `observe` takes a function that is called for each update.
 */
class Bench extends RpcTarget {
  open(): Handle {
    return new Handle();
  }
  observe(group: string, observer: Observer): void {
    methods.observe!(group as never, observer.dup());
  }
}
for (const [name, method] of Object.entries(methods))
  if (!(name in Bench.prototype)) Object.assign(Bench.prototype, { [name]: method });

/** Releases a result at once, without waiting for it. */
function ignoreResult(result: unknown): void {
  (result as Disposable)[Symbol.dispose]();
}

export function serve(): Promise<number> {
  const server = createServer();
  new WebSocketServer({ server }).on("connection", (socket) => {
    newWebSocketRpcSession(socket as unknown as WebSocket, new Bench());
  });
  return listen(server);
}

export async function connect(port: number, user?: typeof credentials): Promise<Client> {
  const socket = new Socket(`ws://127.0.0.1:${port}`);
  await once(socket, "open");
  const bench = newWebSocketRpcSession<Bench>(socket as unknown as WebSocket);
  const invoke = (method: string, ...args: unknown[]): Promise<unknown> =>
    (bench as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!(...args);
  if (user !== undefined) assert(await invoke("login", user));
  return {
    call: invoke,
    send: (method, argument) => ignoreResult(invoke(method, argument)),
    async observe(group, changed) {
      await invoke("observe", group, changed);
    },
    /** Cap'n Web sends the second call without waiting for the first. */
    async reference() {
      using handle = bench.open();
      return await handle.look();
    },
    async close() {
      const closed = once(socket, "close");
      socket.close();
      await closed;
    },
  };
}
