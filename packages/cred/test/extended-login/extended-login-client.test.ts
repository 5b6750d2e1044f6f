// Tests of logins with SCRAM and with bearer tokens, as the client sees them.

import { describe, expect, test, vi } from "vitest";
import { Broker, Referenceable } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import {
  BearerToken,
  BearerTokenChecker,
  login,
  LoginDenied,
  UnauthorizedLogin,
  UnhandledCredentials,
  UsernamePassword,
} from "@pb/cred";
import { alice, classicUsers, connectedBrokers, errorOf, LoginFixture, RecordingMind } from "../support.js";
import type { NamedAvatar } from "../support.js";

const binding = (bytes: number[], types = ["tls-exporter"]) => ({
  isEncrypted: true,
  channelBinding: (type: string) => (types.includes(type) ? new Uint8Array(bytes) : undefined),
});

describe("a login with SCRAM", () => {
  test("is used when the server offers it, and the classic login otherwise", async () => {
    const old = new LoginFixture([classicUsers()]);
    expect(await (await login<NamedAvatar>(old.connect().client, alice)).callRemote("whoami")).toBe("alice");
    expect(old.mechanisms).toEqual(["classic"]);
    const error = await errorOf(login(old.connect().client, new UsernamePassword("alice", "wrong")));
    expect(error).toBeInstanceOf(UnauthorizedLogin);
  });

  test("can be required", async () => {
    const old = new LoginFixture([classicUsers()]);
    const { client, links } = old.connect();
    const error = await errorOf(login(client, alice, null, { minimum: "scram-sha-256" }));
    expect(error).toMatchObject({ name: "LoginFailed", code: "LOGIN_TOO_WEAK" });
    expect(Buffer.concat(links.initiator.sent).toString("latin1")).not.toContain("respond");
    const { client: other } = new LoginFixture().connect();
    await login(other, alice, null, { minimum: "scram-sha-256" });
    expect(await errorOf(login(other, alice, null, { minimum: "scram-sha-256-plus" }))).toMatchObject({
      code: "LOGIN_TOO_WEAK",
    });
  });

  test("with a wrong password does not fall back to the classic login", async () => {
    const fixture = new LoginFixture();
    const { client, links } = fixture.connect();
    await errorOf(login(client, new UsernamePassword("alice", "wrong")));
    expect(fixture.events.map((event) => "mechanism" in event && event.mechanism)).toEqual(["scram-sha-256"]);
    expect(Buffer.concat(links.initiator.sent).toString("latin1")).not.toContain("respond");
  });

  test("does not send the mind to a server that has not proven to know the password", async () => {
    // A server that does not know the password, and accepts the login nevertheless.
    const forged = new (class extends Referenceable {
      async remote_scram(message: Uint8Array) {
        const [, nonce = ""] = /r=(.*)$/.exec(Buffer.from(message).toString())!;
        const text = `r=${nonce}xyz,s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096`;
        return [Buffer.from(text), new Forger()];
      }
    })();
    const entered = vi.fn();
    class Forger extends Referenceable {
      remote_finish() {
        return [Buffer.from("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), new Forger()];
      }
      remote_enter = entered;
    }
    const links = linkPair();
    new Broker(links.listener, {}).publish("pbx.login", forged);
    const client = new Broker(links.initiator);
    const error = await errorOf(login(client, alice, new RecordingMind()));
    expect(error).toMatchObject({ name: "LoginFailed", code: "LOGIN_SERVER_NOT_PROVEN" });
    expect(entered).not.toHaveBeenCalled();
    expect(client.stats()).toMatchObject({ referencesGiven: 0 });
  });

  test("rejects a nonce of the server that does not extend the nonce of the client", async () => {
    for (const nonceFor of [() => "xyz", (nonce: string) => nonce, (nonce: string) => `x${nonce}`]) {
      const links = linkPair();
      const finish = vi.fn();
      const forged = new (class extends Referenceable {
        remote_scram(message: Uint8Array) {
          const [, nonce = ""] = /r=(.*)$/.exec(Buffer.from(message).toString())!;
          return [Buffer.from(`r=${nonceFor(nonce)},s=AAAA,i=4096`), this];
        }
        remote_finish = finish;
      })();
      new Broker(links.listener, {}).publish("pbx.login", forged);
      const error = await errorOf(login(new Broker(links.initiator), alice));
      expect(error).toMatchObject({ code: "LOGIN_MALFORMED" });
      expect(finish).not.toHaveBeenCalled();
    }
  });

  test.each([
    ["s=AAAA,i=4095", "LOGIN_TOO_WEAK"],
    ["s=AAAA,i=1", "LOGIN_TOO_WEAK"],
    ["s=AAAA,i=1000001", "LOGIN_MALFORMED"],
    ["s=AAAA,i=9999999999", "LOGIN_MALFORMED"],
    ["s=AAAA", "LOGIN_MALFORMED"],
  ])("rejects a server that sends %s", async (rest, code) => {
    const links = linkPair();
    const server = new Broker(links.listener, {});
    const finish = vi.fn();
    const forged = new (class extends Referenceable {
      remote_scram(message: Uint8Array) {
        const [, nonce = ""] = /r=(.*)$/.exec(Buffer.from(message).toString())!;
        return [Buffer.from(`r=${nonce}xyz,${rest}`), this];
      }
      remote_finish = finish;
    })();
    server.publish("pbx.login", forged);
    expect(await errorOf(login(new Broker(links.initiator), alice))).toMatchObject({ code });
    expect(finish).not.toHaveBeenCalled();
  });

  test("stops computing when the connection ends, so that a server cannot ask again and again", async () => {
    const links = linkPair();
    const server = new Broker(links.listener, {});
    const forged = new (class extends Referenceable {
      remote_scram(message: Uint8Array) {
        const [, nonce = ""] = /r=(.*)$/.exec(Buffer.from(message).toString())!;
        setTimeout(() => links.listener.destroy(), 20);
        return [Buffer.from(`r=${nonce}xyz,s=AAAA,i=9999999999`), this]; // hours
      }
    })();
    server.publish("pbx.login", forged);
    const attempt = login(new Broker(links.initiator), alice, null, { mostIterations: 1e10 });
    expect(await errorOf(attempt)).toMatchObject({ name: "ConnectionLostError" });
  });

  test.each([[null], [7], [[]], [["r=x,s=AAAA,i=4096"]], ["text"]])(
    "rejects a server that answers %j",
    async (answer) => {
      const links = linkPair();
      const server = new Broker(links.listener, {});
      server.publish(
        "pbx.login",
        new (class extends Referenceable {
          remote_scram = () => answer;
        })(),
      );
      expect(await errorOf(login(new Broker(links.initiator), alice))).toMatchObject({ code: "LOGIN_MALFORMED" });
    },
  );

  test("is bound to the connection when both ends have a channel binding", async () => {
    for (const types of [["tls-exporter", "tls-server-end-point"], ["tls-server-end-point"]]) {
      const fixture = new LoginFixture();
      const { client } = fixture.connect({ peer: binding([1, 2, 3], types) });
      await login(client, alice, null, { minimum: "scram-sha-256-plus" });
      expect(fixture.mechanisms).toEqual(["scram-sha-256-plus"]);
    }
  });

  test("uses a type of channel binding that both ends have", async () => {
    const fixture = new LoginFixture();
    const clientPeer = binding([1, 2, 3], ["tls-exporter", "tls-server-end-point"]);
    const { client } = fixture.connect({ peer: binding([1, 2, 3], ["tls-server-end-point"]), clientPeer });
    await login(client, alice);
    expect(fixture.mechanisms).toEqual(["scram-sha-256-plus"]);
  });

  test("fails when the two ends have different channel bindings, as with an attacker in the middle", async () => {
    const fixture = new LoginFixture();
    const { client } = fixture.connect({ peer: binding([1, 2, 3]), clientPeer: binding([4, 5, 6]) });
    expect(await errorOf(login(client, alice))).toBeInstanceOf(UnauthorizedLogin);
    expect(fixture.mechanisms).toEqual([]);
  });

  test("is not bound when the server has no channel binding", async () => {
    const fixture = new LoginFixture();
    const { client } = fixture.connect({ clientPeer: binding([4, 5, 6]) });
    await login(client, alice);
    expect(fixture.mechanisms).toEqual(["scram-sha-256"]);
    expect(await errorOf(login(client, alice, null, { minimum: "scram-sha-256-plus" }))).toMatchObject({
      code: "LOGIN_TOO_WEAK",
    });
  });

  test("tells the server that the client could bind when the server appears to have no channel binding", async () => {
    const sent: string[] = [];
    class Unavailable extends Error {
      static readonly remoteType = "pbx.login.ChannelBindingUnavailable";
      static readonly isExpected = true;
    }
    const forged = new (class extends Referenceable {
      remote_scram(message: Uint8Array): never {
        sent.push(Buffer.from(message).toString().replace(/r=.*/, ""));
        throw new Unavailable("no");
      }
    })();
    const { client, server } = connectedBrokers({}, { peer: binding([1], ["tls-exporter", "tls-server-end-point"]) });
    server.publish("pbx.login", forged);
    await errorOf(login(client, alice));
    expect(sent).toEqual(["p=tls-exporter,,n=alice,", "p=tls-server-end-point,,n=alice,", "y,,n=alice,"]);
  });

  test("is refused by a server with channel binding when the client believes that it has none", async () => {
    const { client } = new LoginFixture().connect({ peer: binding([1, 2, 3]) });
    const extended = await client.getObject<{ scram(message: Uint8Array): unknown }>("pbx.login");
    const error = await errorOf(extended.callRemote("scram", Buffer.from("y,,n=alice,r=abc")));
    expect(error).toMatchObject({
      remoteType: "twisted.cred.error.LoginFailed",
      message: "This server supports channel binding",
    });
  });
});

describe("a login with a bearer token", () => {
  const tokens = () => new BearerTokenChecker((token) => (token === "a-token" ? "robot" : undefined));

  test("works over an encrypted connection", async () => {
    const fixture = new LoginFixture([tokens()]);
    const { client } = fixture.connect();
    expect(
      await (
        await login<NamedAvatar>(client, new BearerToken("a-token"), new RecordingMind())
      ).callRemote("askMind", 1),
    ).toBe(2);
    expect(await errorOf(login(client, new BearerToken("no-token")))).toBeInstanceOf(UnauthorizedLogin);
    expect(fixture.mechanisms).toEqual(["bearer"]);
  });

  test("is not sent over an unencrypted connection", async () => {
    const { client, links } = new LoginFixture([tokens()]).connect({ peer: { isEncrypted: false } });
    expect(await errorOf(login(client, new BearerToken("a-token")))).toMatchObject({ code: "LOGIN_TOO_WEAK" });
    expect(Buffer.concat(links.initiator.sent).toString("latin1")).not.toContain("a-token");
    // The server refuses it even when the client sends it.
    const error = await errorOf(login(client, new BearerToken("a-token"), null, { allowUnencryptedToken: true }));
    expect(error).toBeInstanceOf(LoginDenied);
    const open = new LoginFixture([tokens()], { policy: { bearer: "any" } }).connect({ peer: { isEncrypted: false } });
    await login(open.client, new BearerToken("a-token"), null, { allowUnencryptedToken: true });
  });

  test("fails when the server has no checker for tokens, or does not support them", async () => {
    expect(await errorOf(login(new LoginFixture().connect().client, new BearerToken("a-token")))).toBeInstanceOf(
      UnhandledCredentials,
    );
    const links = linkPair();
    new Broker(links.listener, {});
    const error = await errorOf(login(new Broker(links.initiator), new BearerToken("a-token")));
    expect(error).toMatchObject({ name: "UnhandledCredentials", message: "The server does not accept bearer tokens" });
  });
});
