/**
 * The checks of Twisted's own tests that involve sockets (NewCredTests of twisted.spread.test.test_pb), with their
 * names there, and further needs of real programs. `npm run checklist` collects the titles in a table.
 */
import { connect as connectSocket } from "node:net";
import { once } from "node:events";
import { connect, listen, reconnecting } from "@pb/node-transport";
import type { ServerEvent } from "@pb/node-transport";
import { expect, test } from "vitest";
import { Echo, echo, folder, until } from "./support/echo.js";

const here = "tcp:0:interface=127.0.0.1";

test("NewCredTests.test_clientConnectionLost: a reconnecting client has the root object of the next connection when the first is lost", async () => {
  await using server = await listen(here, new Echo());
  await using client = reconnecting<Echo>(`tcp:127.0.0.1:${server.port}`, { backoff: { firstMs: 10 } });
  const first = await client.current();
  const second = new Promise((resolve) => first.notifyOnDisconnect(() => resolve(client.current())));
  for (const connection of server.connections) connection.terminate("closed");
  expect(await second).not.toBe(first);
  expect(await client.callRemote("echo", 1)).toBe(1);
});

test("NewCredTests.test_immediateClose: a peer that disconnects before sending anything causes no error in the server", async () => {
  const events: ServerEvent[] = [];
  await using server = await listen(here, new Echo(), { onEvent: (event) => events.push(event) });
  const socket = connectSocket({ host: "127.0.0.1", port: server.port });
  await once(socket, "connect");
  socket.destroy();
  await until(() => server.connections.size === 0, "the connection is removed");
  // Watchers are called, and nothing is thrown or logged.
  expect(events).toMatchObject([{ kind: "probe" }]);
  await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
  expect(await echo(connection, "still here")).toBe("still here");
});

test("NewCredTests.test_loginConnectionRefused: connecting to a port without a server rejects with that error", async () => {
  const server = await listen(here, new Echo());
  const { port } = server;
  await server.close();
  await expect(connect(`tcp:127.0.0.1:${port}`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("Needed.unixSockets: a UNIX socket works like TCP", async () => {
  using place = folder();
  await using _server = await listen(`unix:${place.file("pb")}`, new Echo());
  await using connection = await connect(`unix:${place.file("pb")}`);
  expect(await echo(connection, "over a path")).toBe("over a path");
});
