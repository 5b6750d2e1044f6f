// Admission with real sockets: addresses that take all places, clients behind one address, and what a refused client
// learns. On Linux every address 127.x.y.z is local.

import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { encode, inspect } from "@pb/banana";
import type { Broker, RootSource } from "@pb/broker";
import { connect, listen, reconnecting } from "@pb/node-transport";
import type { ListenOptions, Server, ServerEvent } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { echo, Echo, until } from "../support/echo.js";

const here = "tcp:0:interface=127.0.0.1";
const word = (text: string): Uint8Array => new TextEncoder().encode(text);

async function serve(options: ListenOptions = {}, root: RootSource = new Echo()): Promise<Server> {
  const server = await listen(here, root, options);
  onTestFinished(() => server.destroy());
  return server;
}

/** Opens sockets from one address, and sends `bytes` over each. */
async function openSockets(server: Server, address: string, count: number, bytes?: Uint8Array): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () =>
    connectSocket({ port: server.port, host: "127.0.0.1", localAddress: address })
      .on("error", () => undefined)
      .resume(),
  );
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  if (bytes !== undefined) for (const socket of sockets) socket.write(bytes);
  return sockets;
}

/** Connects from an address and makes a call. */
async function callFrom(server: Server, address: string): Promise<unknown> {
  const client = await connect(`tcp:127.0.0.1:${server.port}:bindAddress=${address}`);
  onTestFinished(() => client.close());
  return await echo(client, address);
}

class Guarded extends Echo {
  constructor(readonly connection: Parameters<RootSource["rootObject"]>[0]) {
    super();
  }

  async remote_login(name: string): Promise<void> {
    await this.connection.admitLogin(name === "" ? Symbol("anonymous") : name);
  }
}

const guarded: RootSource = { requiresLogin: true, rootObject: (connection) => new Guarded(connection) };

describe("sockets that do nothing, from a few addresses, with the limits", () => {
  test.for<[string, ListenOptions, RootSource, Uint8Array | undefined]>([
    ["negotiating", { limits: { negotiating: 100 } }, new Echo(), undefined],
    ["strangers, and the sockets have chosen a dialect", { limits: { strangers: 100 } }, guarded, encode(word("pb"))],
    ["connections, of a root without logins", { limits: { connections: 100 } }, new Echo(), encode(word("pb"))],
  ])("%s, keep no other address out", async ([, options, root, bytes]) => {
    const server = await serve(options, root);
    for (const address of ["127.0.0.2", "127.0.0.3"]) await openSockets(server, address, 100, bytes);
    await until(() => server.connections.size >= 90, "the server is full");
    for (let address = 10; address < 20; address++) {
      const name = `127.0.0.${address}`;
      expect(await callFrom(server, name)).toBe(name);
    }
  });
});

test("connections with anonymous logins make room for other addresses, and users do not", async () => {
  const server = await serve({ limits: { connections: 40, connectionsPerAddress: 30 } }, guarded);
  const logIn = async (address: string, name: string): Promise<Broker> => {
    const client = await connect(`tcp:127.0.0.1:${server.port}:bindAddress=${address}`);
    onTestFinished(() => client.close());
    await (await client.getRootObject<Guarded>()).callRemote("login", name);
    return client;
  };
  const user = await logIn("127.0.0.2", "ann");
  await (await user.getRootObject<Guarded>()).callRemote("login", ""); // stays a user
  let refused: unknown;
  for (let guest = 0; guest < 40 && refused === undefined; guest++)
    await logIn("127.0.0.2", "").catch((error: unknown) => (refused = error));
  expect(refused).toMatchObject({ code: "SERVER_BUSY", limit: "connectionsPerAddress" });
  expect(server.connections.size).toBe(31);
  for (let address = 10; address < 25; address++) {
    const name = `127.0.0.${address}`;
    expect(await echo(await logIn(name, ""), name)).toBe(name);
  }
  expect(await echo(user, "still there")).toBe("still there");
});

test("lets an address in again and again while two others open sockets as fast as the server takes them", async () => {
  const server = await serve({ limits: { negotiating: 50 } });
  let isAttacking = true;
  let open = 0;
  const attack = async (address: string): Promise<void> => {
    while (isAttacking) {
      // More would fill the queue of the listening socket, and the system would let everybody wait.
      await until(() => open <= 60, "the server has closed sockets of the attackers");
      open += 10;
      for (const socket of await openSockets(server, address, 10))
        if (socket.closed) open--;
        else socket.once("close", () => open--);
    }
  };
  const attacks = ["127.0.0.2", "127.0.0.3"].map(attack);
  await until(() => server.connections.size >= 40, "the server is full");
  for (let round = 0; round < 20; round++) expect(await callFrom(server, "127.0.0.10")).toBe("127.0.0.10");
  isAttacking = false;
  await Promise.all(attacks);
});

test("gives all clients behind one address a place, although more come at once than there is room for", async () => {
  const server = await serve({ limits: { negotiating: 20, strangers: 20 } });
  const clients = Array.from({ length: 60 }, () => reconnecting<Echo>(`tcp:127.0.0.1:${server.port}`));
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.close()));
  });
  expect(await Promise.all(clients.map((client, index) => client.callRemote("echo", index)))).toEqual(
    clients.map((_, index) => index),
  );
});

test("refuses none of 1,100 clients behind one address that come at the same moment, with the default limits", async () => {
  const refused: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => {
    if (event.kind === "refused" || event.kind === "failed") refused.push(event);
  };
  // The times are so long that a busy machine does not matter.
  const times = { limits: { loginMs: 3_600_000 }, broker: { limits: { negotiationMs: 3_600_000 } } };
  const server = await serve({ ...times, onEvent }, guarded);
  // In waves, because the queue of the listening socket has 511 places.
  const sockets: Socket[] = [];
  for (let wave = 0; wave < 11; wave++) sockets.push(...(await openSockets(server, "127.0.0.1", 100)));
  await until(() => server.connections.size === 1_100, "all are connected, and none has chosen a dialect");
  for (const socket of sockets) socket.write(encode(word("pb")));
  const client = await connect(`tcp:127.0.0.1:${server.port}`);
  await (await client.getRootObject<Guarded>()).callRemote("login", "ann");
  expect(await echo(client, 1)).toBe(1);
  expect(refused).toEqual([]);
  expect(sockets.filter(({ closed }) => closed)).toEqual([]);
  await client.close();
});

describe("a refused client", () => {
  test("learns the limit and when to try again, over TLS too", async () => {
    const certificate = new Authority("A test authority").issue("localhost");
    const options = { limits: { connections: 1 } };
    const plain = await serve(options);
    const secure = await listen("pbs://127.0.0.1:0", new Echo(), { ...options, tls: certificate });
    onTestFinished(() => secure.destroy());
    for (const [server, endpoint, how] of [
      [plain, `tcp:127.0.0.1:${plain.port}`, {}],
      [secure, `pbs://127.0.0.1:${secure.port}`, { tls: { verify: false } }],
    ] as const) {
      await openSockets(server, "127.0.0.1", 1);
      await expect(connect(endpoint, how)).rejects.toMatchObject({
        name: "ServerBusyError",
        code: "SERVER_BUSY",
        limit: "connections",
        retryAfterMs: 10_000,
        message: "The server is busy: its limit connections is reached. Try again after 10 s",
      });
    }
  });

  test("receives the error as the answer to its first call if it does not know the notice", async () => {
    const server = await serve({ limits: { connections: 1 } });
    const [, refused] = await openSockets(server, "127.0.0.1", 2);
    const chunks: Buffer[] = [];
    refused!.on("data", (chunk: Buffer) => chunks.push(chunk));
    const call = [word("message"), 1, word("root"), word("echo"), 1, [word("tuple")], [word("dictionary")]];
    for (const expression of [word("none"), [word("version"), 6], call]) refused!.write(encode(expression));
    await once(refused!, "close");
    const text = inspect(Buffer.concat(chunks), { dialect: "none" });
    expect(text).toContain("pbx-busy connections 10000");
    expect(text).toContain("pb.ServerBusy");
    expect(text).toContain("The server is busy: its limit connections is reached. Try again after 10 s");
  });
});
