// Calls that a client makes while it logs in: they wait, because a server may read little before the login.

import { CallTimeoutError, ConnectionLostError, LimitError, Referenceable } from "@pb/broker";
import type { Connection, RemoteReference } from "@pb/broker";
import { connect, listen, reconnecting } from "@pb/node-transport";
import { login, UnauthorizedLogin } from "@pb/cred";
import { describe, expect, test } from "vitest";
import { alice, deliverPending, errorOf, LoginFixture, wrongPassword } from "./support.js";

/** An object that clients can call before they have logged in. */
class Files extends Referenceable {
  readonly put: number[] = [];
  remote_put(data: Uint8Array): number {
    return this.put.push(data.length);
  }
  remote_callBack(object: RemoteReference): Promise<unknown> {
    return object.callRemote("ping", 1);
  }
}

const LARGE = new Uint8Array(600_000);

/** A portal that also publishes files, and the connection of a client to it. */
async function open() {
  const fixture = new LoginFixture();
  const files = new Files();
  const root = {
    requiresLogin: true,
    rootObject(connection: Connection) {
      connection.publish("files", files);
      return fixture.portal.rootObject(connection);
    },
  };
  const server = await listen("tcp:0:interface=127.0.0.1", root);
  const client = await connect(`tcp:127.0.0.1:${server.port}`);
  const remote = await client.getObject("files");
  const close = async (): Promise<void> => {
    await client.close();
    await server.close();
  };
  return { fixture, files, server, client, remote, [Symbol.asyncDispose]: close };
}

test("a server ends the connection of a client that sends much before its login", async () => {
  await using desk = await open();
  expect(await errorOf(desk.remote.callRemote("put", LARGE))).toBeInstanceOf(ConnectionLostError);
});

describe("a call that is made during the first login", () => {
  test("is sent after it, in its order, with and without an answer", async () => {
    await using desk = await open();
    const loggedIn = login(desk.client, alice);
    const counts = [3, 2, 600_000, 1].map((size) => desk.remote.callRemote("put", new Uint8Array(size)));
    desk.remote.sendRemote("put", new Uint8Array(7));
    await loggedIn;
    expect(desk.files.put).toEqual([]);
    expect(await Promise.all(counts)).toEqual([1, 2, 3, 4]);
    await desk.client.ping();
    expect(desk.files.put).toEqual([3, 2, 600_000, 1, 7]);
  });

  test("is sent when the login has failed", async () => {
    await using desk = await open();
    const failed = errorOf(login(desk.client, wrongPassword));
    const count = desk.remote.callRemote("put", new Uint8Array(3));
    expect(await failed).toBeInstanceOf(UnauthorizedLogin);
    expect(await count).toBe(1);
  });

  test("waits for all logins until one has succeeded, and for none afterwards", async () => {
    await using desk = await open();
    const failed = errorOf(login(desk.client, wrongPassword));
    const first = login(desk.client, alice);
    const count = desk.remote.callRemote("put", LARGE);
    await first;
    expect(await count).toBe(1);
    await failed;
    const second = login(desk.client, alice);
    expect(await desk.remote.callRemote("put", LARGE)).toBe(2);
    await second;
  });

  test("has its deadline, and is not sent after that", async () => {
    await using desk = await open();
    const stop = new AbortController();
    const loggedIn = login(desk.client, alice);
    const late = errorOf(desk.remote.with({ timeoutMs: 0 }).callRemote("put", LARGE));
    const stopped = errorOf(desk.remote.with({ signal: stop.signal }).callRemote("put", LARGE));
    stop.abort(new Error("stopped"));
    const count = desk.remote.with({ timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) }).callRemote("put", LARGE);
    expect(await late).toBeInstanceOf(CallTimeoutError);
    expect(await stopped).toMatchObject({ message: "stopped" });
    await loggedIn;
    expect(await count).toBe(1);
  });

  test("rejects with the reason when the connection ends", async () => {
    await using desk = await open();
    const failed = errorOf(login(desk.client, alice));
    const call = errorOf(desk.remote.callRemote("put", LARGE));
    const idle = desk.client.idle();
    await desk.client.close();
    expect(await call).toBeInstanceOf(ConnectionLostError);
    expect(await failed).toBeInstanceOf(ConnectionLostError);
    await idle;
  });

  test("does not wait if the login may depend on it", async () => {
    await using desk = await open();
    const { realm } = desk.fixture;
    const requestAvatar = realm.requestAvatar.bind(realm);
    // The server asks the mind, which calls the server, before there is an avatar.
    realm.requestAvatar = async (who, mind, ...interfaces) => {
      expect(await mind!.callRemote("ping", 5)).toBe(6);
      return requestAvatar(who, mind, ...interfaces);
    };
    class Asking extends Referenceable {
      async remote_ping(n: number): Promise<number> {
        await desk.remote.callRemote("put", new Uint8Array(n));
        return n + 1;
      }
    }
    await login(desk.client, alice, new Asking());
    expect(desk.files.put).toEqual([5]);
  });

  test("is refused beyond the limit on waiting calls, also without an answer", async () => {
    const { client } = new LoginFixture().connect({ client: { limits: { callsWaiting: 20 } } });
    const root = await client.getRootObject();
    const loggedIn = login(client, alice);
    const sendMany = (): void => {
      for (let call = 0; call < 100; call++) root.sendRemote("no");
    };
    expect(sendMany).toThrow(LimitError);
    await loggedIn;
    await client.ping();
    expect(sendMany).not.toThrow();
  });

  test("counts among the calls that wait", async () => {
    const { client } = new LoginFixture().connect();
    const root = await client.getRootObject();
    const loggedIn = login(client, alice);
    const calls = [1, 2, 3].map(() => errorOf(root.callRemote("no")));
    await deliverPending(1);
    expect(client.stats().callsWaiting).toBeGreaterThanOrEqual(3);
    await loggedIn;
    for (const call of calls) expect(await call).toMatchObject({ remoteType: "twisted.spread.flavors.NoSuchMethod" });
    expect(client.stats().callsWaiting).toBe(0);
  });
});

test("a client that connects again sends its calls after each login", async () => {
  await using desk = await open();
  const client = reconnecting(`tcp:127.0.0.1:${desk.server.port}`, {
    login: async (connection, signal) => {
      await login(connection, alice, null, { signal });
      return connection.getObject("files");
    },
    idempotent: ["put"],
    backoff: { firstMs: 1 },
  });
  for (let round = 1; round <= 3; round++) {
    const count = client.callRemote("put", LARGE);
    expect(await count).toBe(round);
    for (const connection of desk.server.connections) connection.terminate("closed");
  }
  await client.close();
});
