// Tests of the server of a SCRAM exchange, with a client that sends wrong messages.

import { describe, expect, test } from "vitest";
import { pinReceivedValues } from "../../../../tools/gc/pin-received-values.js";
import { errorOf, LoginFixture, users } from "../support.js";
import { bytes, extendedLogin, scramFor, unauthorized } from "../raw-client.js";
import type { Step } from "../raw-client.js";

describe("the server of a SCRAM exchange", () => {
  test("accepts one proof, and returns one avatar", async () => {
    using _pinned = pinReceivedValues(); // a login ends when its avatar is collected
    const fixture = new LoginFixture();
    const { client } = fixture.connect();
    const { exchange, final } = await scramFor(client, "alice", "secret");
    const [answer] = await Promise.all([
      exchange.callRemote("finish", bytes(final)),
      errorOf(exchange.callRemote("finish", bytes(final))),
    ]);
    const [, proven] = answer as Step;
    const avatars = await Promise.allSettled([1, 2, 3].map(() => proven.callRemote("enter", null)));
    expect(avatars.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect((await errorOf(exchange.callRemote("finish", bytes(final)))).remoteType).toBe(unauthorized);
    expect(fixture.realm.loggedIn).toEqual(["alice"]);
  });

  test("rejects the proof of another exchange", async () => {
    const { client } = new LoginFixture().connect();
    const one = await scramFor(client, "alice", "secret");
    const other = await scramFor(client, "alice", "secret");
    expect((await errorOf(other.exchange.callRemote("finish", bytes(one.final)))).remoteType).toBe(unauthorized);
  });

  test.each<[subject: string, change: NonNullable<Parameters<typeof scramFor>[3]>]>([
    ["the nonce of the client alone", (channel) => [channel, "abc"]],
    ["a shorter nonce", (channel, nonce) => [channel, nonce.slice(0, -1)]],
    ["a longer nonce", (channel, nonce) => [channel, `${nonce}x`]],
    ["a nonce of another client", (channel, nonce) => [channel, nonce.replace("abc", "abd")]],
    ["another nonce of the server", (channel, nonce) => [channel, `abc${"A".repeat(nonce.length - 3)}`]],
    ["another channel binding flag", (_, nonce) => [Buffer.from("y,,").toString("base64"), nonce]],
    ["another authorization identity", (_, nonce) => [Buffer.from("n,a=bob,").toString("base64"), nonce]],
    ["a channel binding that is longer", (_, nonce) => [Buffer.from("n,,x").toString("base64"), nonce]],
    ["a channel binding that is shorter", (_, nonce) => [Buffer.from("n,").toString("base64"), nonce]],
    ["no channel binding", (_, nonce) => ["", nonce]],
  ])("rejects a proof that is valid for %s", async (_, change) => {
    const { client } = new LoginFixture().connect();
    const { exchange, final } = await scramFor(client, "alice", "secret", change);
    const error = await errorOf(exchange.callRemote("finish", bytes(final)));
    expect(error.is("twisted.cred.error.LoginFailed")).toBe(true);
    const unchanged = await scramFor(client, "alice", "secret");
    await unchanged.exchange.callRemote("finish", bytes(unchanged.final));
  });

  test("checks the password of the name that began the exchange", async () => {
    const { client } = new LoginFixture().connect();
    const { exchange, final } = await scramFor(client, "bob", "secret");
    expect((await errorOf(exchange.callRemote("finish", bytes(final)))).remoteType).toBe(unauthorized);
  });

  test("rejects a proof whose channel binding flag differs from that of the first message", async () => {
    const { client } = new LoginFixture().connect();
    const { exchange, final } = await scramFor(client, "alice", "secret");
    const changed = final.replace("c=biws", `c=${Buffer.from("y,,").toString("base64")}`);
    expect((await errorOf(exchange.callRemote("finish", bytes(changed)))).remoteType).toBe(unauthorized);
  });

  test("answers malformed messages with a LoginFailed, and stays connected", async () => {
    const { client, server } = new LoginFixture([users()], {
      limits: { failuresPerConnection: 1000, underWay: 1000 },
    }).connect();
    const extended = await extendedLogin(client);
    for (const malformed of [
      null,
      7,
      [],
      "",
      "n,,",
      "n,,n=alice",
      bytes("\u0000"),
      new Uint8Array([0xff]),
      "x".repeat(10_000),
      { n: 1 },
    ]) {
      const error = await errorOf(extended.callRemote("scram", malformed));
      expect(error.is("twisted.cred.error.LoginFailed")).toBe(true);
      const { exchange } = await scramFor(client, "alice", "secret");
      expect((await errorOf(exchange.callRemote("finish", malformed))).is("twisted.cred.error.LoginFailed")).toBe(true);
      expect((await errorOf(extended.callRemote("bearer", malformed, null))).is("twisted.cred.error.LoginFailed")).toBe(
        true,
      );
    }
    expect(server.isOpen).toBe(true);
  });

  test("sends the same salt for an unknown name every time, in the same form as for an existing name", async () => {
    const fixture = new LoginFixture();
    const one = await scramFor(fixture.connect().client, "mallory", "x");
    const two = await scramFor(fixture.connect().client, "mallory", "x");
    const real = await scramFor(fixture.connect().client, "alice", "secret");
    expect(one.salt).toBe(two.salt);
    expect([one.salt.length, one.iterations]).toEqual([real.salt.length, real.iterations]);
    expect(one.salt).not.toBe(real.salt);
  });
});
