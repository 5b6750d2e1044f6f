// Logins over real sockets: what cred and a transport do together, though neither knows the other.

import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { connect, listen } from "@pb/node-transport";
import type { ListenOptions, Server } from "@pb/node-transport";
import { BearerToken, BearerTokenChecker, login, LoginDenied, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { pinReceivedValues } from "../../../tools/gc/pin-received-values.js";
import { Authority } from "../../node-transport/test/support/certificates.js";
import type { Person } from "./support.js";
import { errorOf, Mindful, settle, Stage, users } from "./support.js";

const alice = new UsernamePassword("alice", "secret");

describe("over TLS", () => {
  const authority = new Authority("A test authority");
  const certificate = authority.issue("localhost", { names: ["localhost", "127.0.0.1"] });
  const stage = new Stage([users(), new BearerTokenChecker((token) => (token === "t" ? "robot" : undefined))], {
    policy: { classic: "encrypted" },
  });
  let server: Server;

  beforeAll(async () => {
    server = await listen("pbs://127.0.0.1:0", stage.portal, { tls: certificate });
  });
  afterAll(() => server.close());

  test("a login is bound to the connection", async () => {
    await using connection = await connect(`pbs://127.0.0.1:${server.port}`, { tls: { ca: authority.cert } });
    const avatar = await login<Person>(connection, alice, new Mindful(), { minimum: "scram-sha-256-plus" });
    expect(await avatar.callRemote("askMind", 1)).toBe(2);
    expect(stage.mechanisms.at(-1)).toBe("scram-sha-256-plus");
    const wrong = await errorOf(login(connection, new UsernamePassword("alice", "wrong")));
    expect(wrong).toBeInstanceOf(UnauthorizedLogin);
  });

  test("a bearer token may be shown", async () => {
    await using connection = await connect(`pbs://127.0.0.1:${server.port}`, { tls: { ca: authority.cert } });
    const avatar = await login<Person>(connection, new BearerToken("t"));
    expect(await avatar.callRemote("whoami")).toBe("robot");
  });
});

describe("a second login of the same user over another connection", () => {
  const twice = async (options: ListenOptions) => {
    const stage = new Stage();
    const server = await listen("tcp:0:interface=127.0.0.1", stage.portal, options);
    const [one, two] = await Promise.all([1, 2].map(() => connect(`tcp:127.0.0.1:${server.port}`)));
    await login(one!, alice);
    return { stage, server, one: one!, two: two! };
  };

  test("takes the place of the first one: it is logged out before", async () => {
    using _kept = pinReceivedValues();
    const { stage, server, one, two } = await twice({ logins: { sameUser: "replace" } });
    await login(two, alice);
    await one.closed;
    await settle();
    expect(stage.events.map(({ kind }) => kind)).toEqual(["login", "logout", "login"]);
    expect(stage.house.inside).toEqual(["alice"]);
    await server.close();
  });

  test("is denied while the first one answers", async () => {
    using _kept = pinReceivedValues();
    const { stage, server, two } = await twice({ logins: { sameUser: "ask" } });
    const error = await errorOf(login(two, alice));
    expect(error).toBeInstanceOf(LoginDenied);
    expect(stage.house.asked).toHaveLength(1);
    await server.close();
    expect(stage.house.inside).toEqual([]);
  });

  test("goes ahead once the first one has given its avatar back, though its connection is there", async () => {
    const stage = new Stage();
    await using server = await listen("tcp:0:interface=127.0.0.1", stage.portal, { logins: { sameUser: "ask" } });
    const [one, two] = await Promise.all([1, 2].map(() => connect(`tcp:127.0.0.1:${server.port}`)));
    (await login(one!, alice))[Symbol.dispose]();
    await vi.waitFor(() => expect(stage.house.loggedOut).toEqual(["alice"]), { timeout: 120_000 });
    await login(two!, alice);
    expect(one!.isOpen).toBe(true);
  });
});

test("a realm that refuses leaves no trace with the transport", async () => {
  const stage = new Stage();
  stage.house.requestAvatar = () => {
    throw new LoginDenied("closed");
  };
  await using server = await listen("tcp:0:interface=127.0.0.1", stage.portal, { logins: { sameUser: "ask" } });
  const [one, two] = await Promise.all([1, 2].map(() => connect(`tcp:127.0.0.1:${server.port}`)));
  for (const connection of [one!, two!]) {
    expect((await errorOf(login(connection, alice))).message).toBe("closed");
  }
});
