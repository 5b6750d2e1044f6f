// Checks of a server's portal (peers/CONTRACT.md, section 3). The names are those of Twisted's client half.

import { kwargs, RemoteError, RemoteReference } from "@pb/broker";
import { Anonymous, login, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { respond } from "@pb/cred/extension";
import { tuple } from "@pb/jelly-types";
import { errorOf, expect, expectSame, isSame, remoteErrorOf, show, until } from "./check.js";
import type { Check } from "./check.js";
import { bytes, PointCopy } from "../contract.js";
import { Target } from "./root-checks.js";

const alice = new UsernamePassword("alice", "secret");
const bob = new UsernamePassword("bob", "hunter2");

async function expectName(avatar: RemoteReference, name: string): Promise<void> {
  expectSame(await avatar.callRemote("whoami"), bytes(name), "whoami");
}

/** The server must send an empty message. The message of {@link UnauthorizedLogin} is made by the client. */
function expectUnauthorized(error: Error): void {
  expect(error instanceof UnauthorizedLogin, `${error.name}: ${error.message}`);
  expectSame(error.cause instanceof RemoteError ? error.cause.message : undefined, "", "message of the server");
}

/** How many sessions or logouts of this name the server has. */
async function count(avatar: RemoteReference, method: "sessions" | "logouts", name: string): Promise<number> {
  const names = (await avatar.callRemote(method)) as Uint8Array[];
  return names.filter((candidate) => isSame(candidate, bytes(name))).length;
}

/** Expects `endSession` to log out `name`, who is logged in, exactly once. */
async function expectLogout(watcher: RemoteReference, name: string, logouts: number, endSession: () => unknown) {
  const sessions = await count(watcher, "sessions", name);
  expect(sessions >= 1, `${name} is not logged in`);
  await endSession();
  await until(async () => (await count(watcher, "sessions", name)) === sessions - 1, "the logout");
  expectSame(await count(watcher, "logouts", name), logouts + 1, "logouts");
}

export const portalChecks: Readonly<Record<string, Check>> = {
  async login_alice({ connection }) {
    const avatar = await login(connection, alice);
    await expectName(avatar, "alice");
    expectSame(await avatar.callRemote("echo", { k: tuple(1, "two") }), { k: tuple(1, "two") }, "echo");
  },

  login_bob: async ({ connection }) => expectName(await login(connection, bob), "bob"),

  async login_wrong_password({ connection }) {
    expectUnauthorized(await errorOf(login(connection, new UsernamePassword("alice", "wrong"))));
    await expectName(await login(connection, alice), "alice");
  },

  login_unknown_user: async ({ connection }) =>
    expectUnauthorized(await errorOf(login(connection, new UsernamePassword("mallory", "x")))),

  login_anonymous: async ({ connection }) => expectName(await login(connection, new Anonymous()), "anonymous"),

  async challenge_shape({ call }) {
    const [challenge, challenger] = await call<[Uint8Array, RemoteReference]>("login", bytes("alice"));
    expect(challenge instanceof Uint8Array && challenge.length === 16, show(challenge));
    expect(challenger instanceof RemoteReference, show(challenger));
    const [other, otherChallenger] = await call<[Uint8Array, RemoteReference]>("login", bytes("alice"));
    expect(!isSame(other, challenge), "two challenges are the same");
    const avatar = await otherChallenger.callRemote("respond", respond(other, "secret"), null);
    expect(avatar instanceof RemoteReference, show(avatar));
    const wrong = challenger.callRemote("respond", respond(other, "secret"), null);
    await remoteErrorOf(wrong, "twisted.cred.error.UnauthorizedLogin");
  },

  async mind_is_called({ connection }) {
    const mind = new Target();
    const avatar: RemoteReference = await login(connection, alice, mind);
    expectSame(await avatar.callRemote("ask_mind", 41), 42, "ask_mind");
    expectSame(mind.pings, [41], "received pings");
    const withoutMind: RemoteReference = await login(connection, bob);
    await remoteErrorOf(withoutMind.callRemote("ask_mind", 1), "contract.ContractError", "no mind");
  },

  async viewable({ connection }) {
    const [a, b]: RemoteReference[] = [await login(connection, alice), await login(connection, bob)];
    const viewOfA = (await a!.callRemote("get_view")) as RemoteReference;
    const viewOfB = (await b!.callRemote("get_view")) as RemoteReference;
    expect(viewOfA.id !== viewOfB.id, "two perspectives have the same view");
    expect((await a!.callRemote("get_view")) === viewOfA, "one perspective has two views of one object");
    const shown = await viewOfA.callRemote("whoami", 1, kwargs({ k: "w" }));
    expectSame(shown, tuple(bytes("alice"), tuple(1), { k: "w" }), "whoami of the view of alice");
    expectSame(await viewOfB.callRemote("whoami"), tuple(bytes("bob"), tuple(), {}), "whoami of the view of bob");
    expectSame(await a!.callRemote("is_view", viewOfA), true, "is_view");
    expectSame(await a!.callRemote("is_view", viewOfB), false, "is_view with the view of bob");
  },

  async perspective_reaches_copyables({ connection }) {
    const point = await (await login(connection, alice)).callRemote("get_point_for_me");
    expect(point instanceof PointCopy, show(point));
    expectSame(Object.assign({}, point), { x: 1, y: 2, label: "for", for: bytes("alice") });
  },

  async avatar_errors({ connection, root }) {
    const avatar: RemoteReference = await login(connection, alice);
    await remoteErrorOf(avatar.callRemote("nosuch"), "builtins.AttributeError");
    await remoteErrorOf(avatar.callRemote("raise_error", "m"), "contract.ContractError", "m");
    await remoteErrorOf(root.callRemote("whoami"), "twisted.spread.flavors.NoSuchMethod");
  },

  async logout_when_reference_dropped({ connection }) {
    const watcher = await login(connection, new Anonymous());
    const logouts = await count(watcher, "logouts", "alice");
    const avatar = await login(connection, alice);
    await expectLogout(watcher, "alice", logouts, () => avatar[Symbol.dispose]());
  },

  async logout_on_disconnect({ connection, openAnother }) {
    const watcher = await login(connection, new Anonymous());
    const logouts = await count(watcher, "logouts", "bob");
    const other = await openAnother();
    await login(other, bob);
    await expectLogout(watcher, "bob", logouts, () => other.close());
  },
};
