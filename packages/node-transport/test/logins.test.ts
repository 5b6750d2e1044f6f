// The same user, a second time: usually the first connection is dead, and the server has not noticed.

import { expect, onTestFinished, test } from "vitest";
import { Referenceable } from "@pb/broker";
import type { Broker, RemoteReference, RootSource } from "@pb/broker";
import { connect, listen, reconnecting } from "@pb/node-transport";
import type { SameUserOptions, Server, ServerEvent } from "@pb/node-transport";
import { BadNetwork } from "./bad-network.js";
import { Echo, until } from "./worlds.js";

/** A door as a portal has one: it asks the connection before it lets anybody in, and knows when they go. */
class Door extends Referenceable {
  readonly #connection: Parameters<RootSource["rootObject"]>[0];

  constructor(connection: Parameters<RootSource["rootObject"]>[0]) {
    super();
    this.#connection = connection;
  }

  async remote_login(name: string | null): Promise<Inside> {
    return new Inside(await this.#connection.admitLogin(name));
  }
}

class Inside extends Echo {
  readonly #login: Disposable;

  constructor(login: Disposable) {
    super();
    this.#login = login;
  }

  override unreferenced(): void {
    this.#login[Symbol.dispose]();
  }
}

const root: RootSource = { requiresLogin: true, rootObject: (connection) => new Door(connection) };

async function serve(logins?: SameUserOptions): Promise<[Server, ServerEvent[]]> {
  const events: ServerEvent[] = [];
  const onEvent = (event: ServerEvent): void => void events.push(event);
  const server = await listen("tcp:0:interface=127.0.0.1", root, { logins, onEvent, liveness: false });
  onTestFinished(() => server.destroy());
  return [server, events];
}

async function logIn(connection: Broker, name: string | null = "worker"): Promise<RemoteReference<Inside>> {
  const door = await connection.getRootObject<Door>();
  return await door.callRemote("login", name);
}

function to({ port }: { readonly port: number }): Promise<Broker> {
  return connect(`tcp:127.0.0.1:${port}`, { liveness: false });
}

test("may be in twice, unless the server minds", async () => {
  const [server] = await serve();
  const avatars = [await logIn(await to(server)), await logIn(await to(server))];
  expect(await Promise.all(avatars.map((avatar) => avatar.callRemote("echo", 1)))).toEqual([1, 1]);
});

test("replaces the first, when the server says so", async () => {
  const [server, events] = await serve({ sameUser: "replace" });
  const first = await to(server);
  await logIn(first);
  const avatar = await logIn(await to(server));
  expect((await first.closed).reason).toBe("lost");
  expect(await avatar.callRemote("echo", 1)).toBe(1);
  await until(() => events.some(({ kind }) => kind === "closed"), "the end of the first is told");
  expect(events.find(({ kind }) => kind === "closed")).toMatchObject({
    reason: {
      reason: "replaced",
      message: expect.stringMatching(/^The same client has a newer connection: from tcp:127/),
    },
  });
  await logIn(await to(server), "somebody else");
  expect(await avatar.callRemote("echo", 2)).toBe(2);
});

test("is in over a connection until its last login there is over", async () => {
  const [server] = await serve({ sameUser: "replace" });
  const first = await to(server);
  const [one] = [await logIn(first), await logIn(first)];
  one[Symbol.dispose]();
  await first.ping();
  await logIn(await to(server));
  await until(() => !first.isOpen, "the first connection is replaced");
});

test("is refused while the first answers", async () => {
  const [server] = await serve({ sameUser: "ask", answerMs: 10_000 });
  const first = await to(server);
  const avatar = await logIn(first);
  const second = await to(server);
  await expect(logIn(second)).rejects.toMatchObject({
    remoteType: "pb.DuplicateLogin",
    message: expect.stringMatching(/^worker is logged in already, from tcp:127\.0\.0\.1:\d+$/),
  });
  expect(await avatar.callRemote("echo", 1)).toBe(1);
  avatar[Symbol.dispose]();
  await until(() => first.stats().callsWaiting === 0, "the logout is on its way");
  await first.ping();
  expect(await (await logIn(second)).callRemote("echo", 2)).toBe(2);
});

test("is refused while the first may take for ever to answer, and does", async () => {
  const [server] = await serve({ sameUser: "ask", answerMs: Infinity });
  const first = await to(server);
  await logIn(first);
  await expect(logIn(await to(server))).rejects.toMatchObject({ remoteType: "pb.DuplicateLogin" });
  expect(first.isOpen).toBe(true);
});

test("wins in two seconds over a connection that was cut, and only that is let go", async () => {
  const [server, events] = await serve({ sameUser: "ask", answerMs: 300 });
  await using network = await BadNetwork.before(server.port);
  await logIn(await to(network));
  const other = await logIn(await to(server), "other");
  network.cut();
  const start = performance.now();
  const avatar = await logIn(await to(network));
  expect(performance.now() - start).toBeLessThan(60_000); // TCP alone notices the cut after many minutes
  expect(await avatar.callRemote("echo", "back")).toBe("back");
  expect(await other.callRemote("echo", "unharmed")).toBe("unharmed");
  const closed = events.filter((event) => event.kind === "closed");
  expect(closed).toMatchObject([
    { reason: { reason: "unresponsive", message: expect.stringContaining("its user logged in anew") } },
  ]);
});

test("of several at once, one wins", async () => {
  const [server] = await serve({ sameUser: "ask", answerMs: 300 });
  await using network = await BadNetwork.before(server.port);
  await logIn(await to(network));
  network.cut();
  const attempts = await Promise.allSettled(Array.from({ length: 4 }, async () => logIn(await to(server))));
  expect(attempts.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
});

test("the anonymous are never the same", async () => {
  const [server] = await serve({ sameUser: "ask" });
  const avatars = [await logIn(await to(server), null), await logIn(await to(server), null)];
  expect(await Promise.all(avatars.map((avatar) => avatar.callRemote("echo", 1)))).toEqual([1, 1]);
});

test("a client whose link is cut is back at work within seconds, although the server has not noticed", async () => {
  const [server] = await serve({ sameUser: "ask", answerMs: 300 });
  await using network = await BadNetwork.before(server.port);
  await using client = reconnecting<Inside>(`tcp:127.0.0.1:${network.port}`, {
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
