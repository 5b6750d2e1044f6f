// Tests of the challenge and the response of PB's own login.

import { describe, expect, test } from "vitest";
import { Broker, Referenceable } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import { login, LoginFailed, Md5Digest, PasswordChecker } from "@pb/cred";
import { pinReceivedValues } from "../../../../tools/gc/pin-received-values.js";
import { alice, classicResponse, errorOf, LoginFixture, users } from "../support.js";
import { bytes, challengeFor, unauthorized } from "../raw-client.js";

describe("the challenge of the classic login", () => {
  test("accepts the correct response only once", async () => {
    using _pinned = pinReceivedValues(); // a login ends when its avatar is collected
    const fixture = new LoginFixture();
    const { client } = fixture.connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await respond(classicResponse(challenge, "secret"));
    expect((await errorOf(respond(classicResponse(challenge, "secret")))).remoteType).toBe(unauthorized);
    expect(fixture.realm.loggedIn).toEqual(["alice"]);
  });

  test.each([
    [256, true],
    [257, false],
  ])("has a user name of %d characters: %s", async (length, isAccepted) => {
    const asked: number[] = [];
    const find = (name: string) => {
      asked.push(name.length);
      return Md5Digest.of("secret");
    };
    const { client } = new LoginFixture([new PasswordChecker({ stores: ["md5"], find })]).connect();
    const { challenge, respond } = await challengeFor(client, bytes("x".repeat(length)));
    const [result] = await Promise.allSettled([respond(classicResponse(challenge, "secret"))]);
    expect([result.status, asked]).toEqual(isAccepted ? ["fulfilled", [length]] : ["rejected", []]);
  });

  test("rejects the correct response after a wrong one", async () => {
    const { client } = new LoginFixture().connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await errorOf(respond(new Uint8Array(16)));
    expect((await errorOf(respond(classicResponse(challenge, "secret")))).remoteType).toBe(unauthorized);
  });

  test("accepts only the first of several responses that arrive while the checker runs", async () => {
    const find = async (name: string) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return name === "alice" ? Md5Digest.of("secret") : undefined;
    };
    const fixture = new LoginFixture([new PasswordChecker({ stores: ["md5"], find })]);
    const { client } = fixture.connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    const good = classicResponse(challenge, "secret");
    const results = await Promise.allSettled([respond(good), respond(good), respond(new Uint8Array(16))]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
    expect(fixture.realm.requests).toHaveLength(1);
  });

  test("rejects the response to another challenge, on the same connection and on another", async () => {
    const fixture = new LoginFixture();
    const one = fixture.connect().client;
    const { challenge, respond } = await challengeFor(one, bytes("alice"));
    const recorded = classicResponse(challenge, "secret");
    await respond(recorded);
    for (const client of [one, fixture.connect().client]) {
      const again = await challengeFor(client, bytes("alice"));
      expect((await errorOf(again.respond(recorded))).remoteType).toBe(unauthorized);
    }
  });

  test("expires, and a client that answers too late may try again: its answer is not called wrong", async () => {
    const { client } = new LoginFixture([users()], { limits: { challengeMs: 20 } }).connect();
    const { challenge, respond } = await challengeFor(client, bytes("alice"));
    await new Promise((resolve) => setTimeout(resolve, 40));
    const error = await errorOf(respond(classicResponse(challenge, "secret")));
    expect([error.remoteType, error.message]).toEqual([
      "twisted.cred.error.LoginFailed",
      "The answer to the challenge came too late",
    ]);
    expect((await errorOf(respond(classicResponse(challenge, "secret")))).remoteType).toBe(error.remoteType);
  });

  test("is for a name of at most 256 characters, and a longer one is that of nobody", async () => {
    const names: string[] = [];
    const find = (name: string) => {
      names.push(name);
      return Md5Digest.of("secret");
    };
    const fixture = new LoginFixture([new PasswordChecker({ stores: ["md5"], find })]);
    const { client } = fixture.connect();
    for (const length of [256, 257]) {
      const { challenge, respond } = await challengeFor(client, bytes("x".repeat(length)));
      const outcome = respond(classicResponse(challenge, "secret")).then(
        () => "logged in",
        (error: unknown) => (error as { remoteType: string }).remoteType,
      );
      expect(await outcome).toBe(length === 256 ? "logged in" : unauthorized);
    }
    expect(names).toEqual(["x".repeat(256)]);
    expect(fixture.events.find(({ kind }) => kind === "login-failed")).toMatchObject({ username: undefined });
  });

  test("is different every time", async () => {
    const limits = { failuresPerConnection: 100, failuresPerName: 100 };
    const { client } = new LoginFixture([users()], { limits }).connect();
    const seen = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const { challenge, challenger } = await challengeFor(client, bytes("alice"));
      expect(challenge).toHaveLength(16);
      seen.add(Buffer.from(challenge).toString("hex"));
      challenger[Symbol.dispose]();
    }
    expect(seen.size).toBe(50);
  });

  test.each([[null], [7], ["text"], [bytes("short")], [new Uint8Array(17)], [[]], [{}]])(
    "rejects the response %j",
    async (response) => {
      const { client, server } = new LoginFixture().connect();
      const { respond } = await challengeFor(client, bytes("alice"));
      expect((await errorOf(respond(response))).remoteType).toBe(unauthorized);
      expect(server.isOpen).toBe(true);
    },
  );

  test.each([[null], [7], [[]], [new Uint8Array([0xff, 0xfe])], [bytes("x".repeat(257))], [{ name: "alice" }]])(
    "rejects every response for the name %j",
    async (name) => {
      const { client, server } = new LoginFixture().connect();
      const { challenge, respond } = await challengeFor(client, name);
      expect((await errorOf(respond(classicResponse(challenge, "secret")))).remoteType).toBe(unauthorized);
      expect(server.isOpen).toBe(true);
    },
  );
});

test("a server that answers the classic login with anything but a challenge is refused", async () => {
  for (const answer of [null, [], [1, 2], "x"]) {
    const links = linkPair();
    const server = new Broker(links.listener, {});
    server.publish(
      "root",
      new (class extends Referenceable {
        remote_login = () => answer;
      })(),
    );
    const error = await errorOf(login(new Broker(links.initiator), alice));
    expect(error).toBeInstanceOf(LoginFailed);
    expect(error.code).toBe("LOGIN_MALFORMED");
  }
});
