// A user logs in again while the server has not noticed that the previous connection is lost.

import { expect, test } from "vitest";
import { AllowAnonymousAccess, InMemoryUsernamePasswordChecker, login, Portal, UsernamePassword } from "@pb/cred";
import { connect, listen, reconnecting } from "@pb/node-transport";
import { BadNetwork } from "../../packages/node-transport/test/support/bad-network.js";
import { Echo, until } from "../../packages/node-transport/test/support/echo.js";

test("a user with a password logs in again after the network was cut", async () => {
  const sessions: string[] = [];
  const realm = {
    requestAvatar: (name: unknown) => {
      sessions.push(String(name));
      return { avatar: new Echo(), logout: () => void sessions.splice(sessions.indexOf(String(name)), 1) };
    },
  };
  const portal = new Portal(realm, [
    new InMemoryUsernamePasswordChecker({ worker: "secret" }),
    new AllowAnonymousAccess(),
  ]);
  const logins = { sameUser: "ask", answerMs: 5000 } as const;
  await using server = await listen("tcp:0:interface=127.0.0.1", portal, { logins, liveness: false });
  await using network = await BadNetwork.before(server.port);
  await using client = reconnecting<Echo>(`tcp:127.0.0.1:${network.port}`, {
    login: (connection) => login<Echo>(connection, new UsernamePassword("worker", "secret")),
    backoff: { firstMs: 50, highestMs: 200 },
    liveness: { intervalMs: 50, answerMs: 5000 },
    idempotent: ["echo"],
  });
  expect(await client.callRemote("echo", 1)).toBe(1);
  await expect(
    login(await connect(`tcp:127.0.0.1:${server.port}`), new UsernamePassword("worker", "secret")),
  ).rejects.toMatchObject({
    code: "LOGIN_DENIED",
    message: expect.stringMatching(/^worker is logged in already, from tcp:/),
  });
  network.cut();
  expect(await client.callRemote("echo", 2)).toBe(2);
  await until(() => sessions.length === 1, "one session is left");
  expect(sessions).toEqual(["worker"]);

  const wrongPassword = reconnecting(`tcp:127.0.0.1:${server.port}`, {
    login: (connection) => login(connection, new UsernamePassword("worker", "wrong")),
  });
  await expect(wrongPassword.current()).rejects.toMatchObject({ code: "CALL_NOT_CONNECTED" });
  expect(wrongPassword.state.is).toBe("stopped");
});
