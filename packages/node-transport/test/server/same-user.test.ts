// Logins of the same user over sockets. See @pb/transport for the behavior in detail.

import { expect, onTestFinished, test } from "vitest";
import { Referenceable } from "@pb/broker";
import type { Broker, RemoteReference, RootSource } from "@pb/broker";
import { connect, listen, reconnecting } from "@pb/node-transport";
import type { ReconnectingClient, SameUserOptions, Server, ServerEvent } from "@pb/node-transport";
import { BadNetwork } from "../support/bad-network.js";
import { Echo, until } from "../support/echo.js";

type ServerSide = Parameters<RootSource["rootObject"]>[0];

/** Asks the connection to admit each login, as a portal does. */
class LoginRoot extends Referenceable {
  constructor(readonly connection: ServerSide) {
    super();
  }

  async remote_login(name: string): Promise<User> {
    return new User(await this.connection.admitLogin(name));
  }
}

class User extends Echo {
  constructor(readonly login: Disposable) {
    super();
  }

  override unreferenced(): void {
    this.login[Symbol.dispose]();
  }
}

const root: RootSource = { requiresLogin: true, rootObject: (connection) => new LoginRoot(connection) };

async function serve(logins: SameUserOptions): Promise<[Server, ServerEvent[]]> {
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => void events.push(event);
  const server = await listen("tcp:0:interface=127.0.0.1", root, { logins, onEvent, liveness: false });
  onTestFinished(() => server.destroy());
  return [server, events];
}

/** A login ends when its user is not referenced anymore, also when the reference is collected. */
const users: RemoteReference<User>[] = [];

async function logIn(connection: Broker, name = "worker"): Promise<RemoteReference<User>> {
  const loginRoot = await connection.getRootObject<LoginRoot>();
  const user = await loginRoot.callRemote("login", name);
  users.push(user);
  return user;
}

function to({ port }: { readonly port: number }): Promise<Broker> {
  return connect(`tcp:127.0.0.1:${port}`, { liveness: false });
}

test("`replace` ends the older connection and reports the address of the newer one", async () => {
  const [server, events] = await serve({ sameUser: "replace" });
  const first = await to(server);
  await logIn(first);
  const avatar = await logIn(await to(server));
  expect(await first.closed).toMatchObject({
    reason: "replaced",
    message: "The same client has a newer connection: the same user has logged in over another connection",
  });
  expect(await avatar.callRemote("echo", 1)).toBe(1);
  await until(() => events.some(({ kind }) => kind === "closed"), "the end of the first connection is reported");
  expect(events.find(({ kind }) => kind === "closed")).toMatchObject({
    reason: {
      reason: "replaced",
      message: expect.stringMatching(
        /^The same client has a newer connection: the user logged in from tcp:127\.0\.0\.1:\d+$/,
      ),
    },
  });
});

test("`ask` refuses the newer login while the older connection answers, and names its address", async () => {
  const [server] = await serve({ sameUser: "ask", answerMs: 10_000 });
  await logIn(await to(server));
  await expect(logIn(await to(server))).rejects.toMatchObject({
    remoteType: "pb.DuplicateLogin",
    message: expect.stringMatching(/^worker is logged in already, from tcp:127\.0\.0\.1:\d+$/),
  });
});

test("`ask` ends an older connection that was silently cut, and no other", async () => {
  const [server, events] = await serve({ sameUser: "ask", answerMs: 300 });
  await using network = await BadNetwork.before(server.port);
  await logIn(await to(network));
  const other = await logIn(await to(server), "other");
  network.cut();
  const start = performance.now();
  const avatar = await logIn(await to(network));
  expect(performance.now() - start).toBeLessThan(60_000);
  expect(await avatar.callRemote("echo", "back")).toBe("back");
  expect(await other.callRemote("echo", "unharmed")).toBe("unharmed");
  const closed = events.filter((event) => event.kind === "closed");
  expect(closed).toMatchObject([
    {
      reason: {
        reason: "unresponsive",
        message: expect.stringContaining("the user logged in over another connection"),
      },
    },
  ]);
});

test("a client whose connection is silently cut is back within seconds, although the server has not noticed", async () => {
  const [server] = await serve({ sameUser: "ask", answerMs: 300 });
  await using network = await BadNetwork.before(server.port);
  await using client = reconnecting<User>(`tcp:127.0.0.1:${network.port}`, {
    login: (connection) => logIn(connection),
    backoff: { firstMs: 50, highestMs: 200 },
    liveness: { intervalMs: 50, answerMs: 400 },
    idempotent: ["echo"],
  });
  expect(await client.callRemote("echo", 1)).toBe(1);
  for (let round = 0; round < 3; round++) {
    network.cut();
    const start = performance.now();
    expect(await client.callRemote("echo", `round ${round}`)).toBe(`round ${round}`);
    expect(performance.now() - start).toBeLessThan(60_000);
    expect(server.connections.size).toBe(1);
  }
});

test("`replace` does not make two reconnecting clients of one user evict each other: the older one stops", async () => {
  const [server, events] = await serve({ sameUser: "replace" });
  const start = (): ReconnectingClient<User> =>
    reconnecting<User>(`tcp:127.0.0.1:${server.port}`, {
      login: (connection) => logIn(connection),
      backoff: { firstMs: 1 },
    });
  await using first = start();
  expect(await first.callRemote("echo", 1)).toBe(1);
  await using second = start();
  expect(await second.callRemote("echo", 2)).toBe(2);
  await until(() => first.state.is === "stopped", "the first client has stopped");
  expect(first.state).toMatchObject({ cause: { code: "CONNECTION_LOST", reason: "replaced" } });
  await expect(first.callRemote("echo", 3)).rejects.toMatchObject({ code: "CALL_NOT_CONNECTED" });
  expect(await second.callRemote("echo", 4)).toBe(4);
  expect(events.filter(({ kind }) => kind === "login")).toHaveLength(2);
});

test("`replace` ends a connection whose peer does not read within seconds, and one without extensions at once", async () => {
  const [server] = await serve({ sameUser: "replace" });
  await using network = await BadNetwork.before(server.port);
  await logIn(await to(network));
  network.cut();
  const plain = await connect(`tcp:127.0.0.1:${server.port}`, { broker: { extensions: false }, liveness: false });
  await logIn(plain);
  await until(() => server.connections.size === 1, "the cut connection has ended");
  await logIn(await to(server));
  expect((await plain.closed).reason).toBe("lost");
  await until(() => server.connections.size === 1, "the replaced connection has ended");
});
