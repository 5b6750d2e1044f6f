// Logins that are repeated on one connection: each gives the same result, and none leaves anything behind.

import { describe, expect, onTestFinished, test } from "vitest";
import { Broker } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";
import { AllowAnonymousAccess, Anonymous, BearerToken, BearerTokenChecker, login } from "@pb/cred";
import type { LoginEvent, UsernamePassword } from "@pb/cred";
import type { CredentialsChecker } from "@pb/cred/extension";
import { alice, classicUsers, deliverPending, errorOf, inOneTurn } from "./support.js";
import type { NamedAvatar } from "./support.js";
import { LoginFixture, RecordingRealm, users, wrongPassword } from "./support.js";

class RefusingRealm extends RecordingRealm {
  refuses = false;

  override requestAvatar(...args: Parameters<RecordingRealm["requestAvatar"]>) {
    if (this.refuses) throw new Error("closed today");
    return super.requestAvatar(...args);
  }
}

/** A client, and the logins that the transport has admitted and that have not ended. */
async function connect(checker: CredentialsChecker) {
  const realm = new RefusingRealm();
  const fixture = new LoginFixture(
    [checker],
    { limits: { failuresPerConnection: 1000, failuresPerName: 1000 } },
    realm,
  );
  const admitted: unknown[] = [];
  const links = linkPair();
  const server = new Broker(links.listener, inOneTurn({ root: fixture.portal }), (who) => {
    admitted.push(who);
    return Promise.resolve({ [Symbol.dispose]: () => void admitted.splice(admitted.indexOf(who), 1) });
  });
  const client = new Broker(links.initiator, inOneTurn());
  onTestFinished(() => client.close());
  await client.ready;
  return { realm, fixture, admitted, server, client };
}

/** Undefined for an event that is reported each time. */
const refusalsOf = (event: LoginEvent): number | undefined => ("refusals" in event ? event.refusals : undefined);

type Given = UsernamePassword | BearerToken | Anonymous;
type Ways = [name: string, checker: () => CredentialsChecker, right: Given, wrong: Given | undefined];

describe("logins on one connection", () => {
  test.each<Ways>([
    ["with SCRAM", users, alice, wrongPassword],
    ["of Twisted", classicUsers, alice, wrongPassword],
    ["without a name", () => new AllowAnonymousAccess(), new Anonymous(), undefined],
    [
      "with a token",
      () => new BearerTokenChecker((token) => (token === "right" ? "alice" : undefined)),
      new BearerToken("right"),
      new BearerToken("wrong"),
    ],
  ])("%s", async (_name, checker, right, wrong) => {
    const { realm, fixture, admitted, server, client } = await connect(checker());
    const rounds: unknown[] = [];
    const refusals: unknown[] = [];
    for (let round = 0; round < 4; round++) {
      const avatar = await login<NamedAvatar>(client, right);
      const name = await avatar.callRemote("whoami");
      expect([admitted.length, realm.loggedIn]).toEqual([1, [name]]);
      avatar[Symbol.dispose]();
      await deliverPending();
      expect([admitted, realm.loggedIn]).toEqual([[], []]);
      const failed = wrong === undefined ? undefined : await errorOf(login(client, wrong));
      realm.refuses = true;
      const refused = await errorOf(login(client, right));
      realm.refuses = false;
      await deliverPending();
      expect([admitted, realm.loggedIn, realm.loggedOut.splice(0)]).toEqual([[], [], [name]]);
      const sizes = [server, client].map((broker) => {
        const { bytesReceived: _received, bytesSent: _sent, ...stats } = broker.stats();
        return stats;
      });
      const all = fixture.events.splice(0);
      refusals.push(...all.map(refusalsOf).filter((count) => count !== undefined));
      const events = all.filter((event) => refusalsOf(event) === undefined);
      rounds.push({ name, failed: failed?.message, refused: refused.message, events, sizes });
    }
    // The first login also asks what the server can do.
    const [, second, ...others] = rounds;
    for (const other of others) expect(other).toEqual(second);
    expect(refusals).toEqual([1, 2, 4]); // Of many refusals, few are reported.
  });
});
