// Many clients that log in to a real server at the same time.

import { expect, test } from "vitest";
import { login, Md5Digest, PasswordChecker, UsernamePassword } from "@pb/cred";
import { connect, listen } from "@pb/node-transport";
import { bob, LoginFixture } from "./support.js";

/** Milliseconds for every step: a busy machine may need minutes for a thousand connections in one process. */
const ms = 300_000;

test("a thousand clients behind one address can log in at the same time", async () => {
  const digest = Md5Digest.of("hunter2");
  const checker = new PasswordChecker({ stores: ["md5"], find: () => digest });
  const { portal, realm } = new LoginFixture([checker], { limits: { challengeMs: ms } });
  const limits = { newcomersPerAddress: 2_000, connectionsPerAddress: 2_000, negotiating: 2_000, strangers: 2_000 };
  const both = { broker: { limits: { negotiationMs: ms } }, liveness: { answerMs: ms } };
  await using server = await listen("tcp:0:interface=127.0.0.1", portal, {
    ...both,
    limits: { ...limits, loginMs: ms },
  });
  const open = () => connect(`tcp:127.0.0.1:${server.port}`, { ...both, connectMs: ms });
  const clients = await Promise.all(Array.from({ length: 1_000 }, open));
  await Promise.all(
    clients.map((client, index) =>
      login(client, index % 2 === 0 ? bob : new UsernamePassword(`user ${index}`, "hunter2")),
    ),
  );
  expect(realm.loggedIn).toHaveLength(1_000);
  await Promise.all(clients.map((client) => client.close()));
});
