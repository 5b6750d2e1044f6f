// The answer to the first message of a SCRAM login comes after the same time, whether the user exists or not.

import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { FilePasswordDB, PasswordChecker, ScramVerifier } from "@pb/cred";
import type { RemoteReference } from "@pb/broker";
import type { PortalOptions } from "@pb/cred";
import type { ScramChecker } from "@pb/cred/extension";
import { bytes, extendedLogin } from "../raw-client.js";
import { iterations, LoginFixture, users } from "../support.js";

/** Connects to a server with that checker, where only the test lets time pass. */
async function connectTo(checker: ScramChecker, options: PortalOptions = {}): Promise<RemoteReference> {
  await checker.scramVerifier("alice"); // A store of passwords computes its verifiers when it is created.
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  return extendedLogin(new LoginFixture([checker], options).connect().client);
}

const verifier = await ScramVerifier.of("secret", { iterations });

/** A store that knows one user, and takes that many milliseconds for one that it knows, and none for others. */
const slowFor =
  (lookupMs: number) =>
  async (name: string): Promise<ScramVerifier | undefined> => {
    if (name !== "alice") return undefined;
    await new Promise((resolve) => setTimeout(resolve, lookupMs));
    return verifier;
  };
const file = { read: () => `alice:${verifier.toText()}\n` };
const stores = {
  "in memory": () => users(),
  "a password file": () => new FilePasswordDB(file, { stores: ["scram-sha-256"], iterations }),
  "a function that takes 3 ms": () => new PasswordChecker({ stores: ["scram-sha-256"], iterations, find: slowFor(3) }),
};

/** Asks for the first step as that user, and returns how many milliseconds of the simulated clock it takes. */
async function timeOf(extended: RemoteReference, name: string): Promise<number> {
  const answers: unknown[] = [];
  const answer = extended.callRemote("scram", bytes(`n,,n=${name},r=abc`)).then((step) => answers.push(step));
  for (let ms = 0; ms < 100; ms++) {
    // Messages are delivered in real time. An answer that is not due does not come in any number of turns.
    for (let turn = 0; turn < 50 && answers.length === 0; turn++) await nextTurn();
    if (answers.length > 0) {
      await answer;
      return ms;
    }
    await vi.advanceTimersByTimeAsync(1);
  }
  throw new Error(`${name} got no answer`);
}

test.each(Object.entries(stores))("%s: the same time for names that exist and others", async (_, checker) => {
  const extended = await connectTo(checker());
  for (const name of ["alice", "nobody", "alice", "bob2", "nobody"]) {
    expect({ name, ms: await timeOf(extended, name) }).toEqual({ name, ms: 5 });
  }
});

test("the time is an option, and a lookup that takes longer is answered when it ends", async () => {
  const checker = new PasswordChecker({ stores: ["scram-sha-256"], iterations, find: slowFor(9) });
  const extended = await connectTo(checker, { limits: { lookupMs: 7 } });
  expect(await timeOf(extended, "nobody")).toBe(7);
  expect(await timeOf(extended, "alice")).toBe(9);
});
