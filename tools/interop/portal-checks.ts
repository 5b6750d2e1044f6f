// What a server must do at its door (peers/CONTRACT.md, section 3). The names are those of Twisted's client half.

import { kwargs, RemoteError, RemoteReference } from "@pb/broker";
import { Anonymous, login, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { respond } from "@pb/cred/extension";
import { tuple } from "@pb/jelly-types";
import { expect, failureOf, isSame, show, until } from "./check.js";
import type { Check, CheckContext } from "./check.js";
import { bytes, PointCopy } from "./contract.js";
import { Target } from "./root-checks.js";

const alice = new UsernamePassword("alice", "secret");
const bob = new UsernamePassword("bob", "hunter2");

async function expectName(avatar: RemoteReference, name: string): Promise<void> {
  const whoami = await avatar.callRemote("whoami");
  expect(isSame(whoami, bytes(name)), show(whoami));
}

/** What travelled is empty, so that it tells nothing; what our user reads is for the client to say. */
function expectUnauthorized(error: Error): void {
  const travelled = error.cause instanceof RemoteError ? error.cause.message : undefined;
  expect(error instanceof UnauthorizedLogin && travelled === "", `${error.name}: ${error.message}`);
}

/** How often `name` is in what `method` answers. */
async function count(avatar: RemoteReference, method: "sessions" | "logouts", name: string): Promise<number> {
  const names = (await avatar.callRemote(method)) as Uint8Array[];
  return names.filter((candidate) => isSame(candidate, bytes(name))).length;
}

async function loginAs(context: CheckContext, credentials: UsernamePassword | Anonymous): Promise<RemoteReference> {
  return login(context.connection, credentials);
}

export const portalChecks: Readonly<Record<string, Check>> = {
  async login_alice(context) {
    const avatar = await loginAs(context, alice);
    await expectName(avatar, "alice");
    const echo = await avatar.callRemote("echo", { k: tuple(1, "two") });
    expect(isSame(echo, { k: tuple(1, "two") }), show(echo));
    return undefined;
  },

  async login_bob(context) {
    await expectName(await loginAs(context, bob), "bob");
    return undefined;
  },

  async login_wrong_password(context) {
    expectUnauthorized(await failureOf(loginAs(context, new UsernamePassword("alice", "wrong"))));
    await expectName(await loginAs(context, alice), "alice");
    return undefined;
  },

  async login_unknown_user(context) {
    expectUnauthorized(await failureOf(loginAs(context, new UsernamePassword("mallory", "x"))));
    return undefined;
  },

  async login_anonymous(context) {
    await expectName(await loginAs(context, new Anonymous()), "anonymous");
    return undefined;
  },

  async challenge_shape({ root }) {
    const ask = async (): Promise<[Uint8Array, RemoteReference]> =>
      (await root.callRemote("login", bytes("alice"))) as [Uint8Array, RemoteReference];
    const [challenge, challenger] = await ask();
    expect(challenge instanceof Uint8Array && challenge.length === 16, show(challenge));
    expect(challenger instanceof RemoteReference, show(challenger));
    const [other, otherChallenger] = await ask();
    expect(!isSame(other, challenge), "challenges must differ");
    const avatar = await otherChallenger.callRemote("respond", respond(other, "secret"), null);
    expect(avatar instanceof RemoteReference, show(avatar));
    const error = await failureOf(challenger.callRemote("respond", respond(other, "secret"), null));
    expect(error.remoteType === "twisted.cred.error.UnauthorizedLogin", show(error.remoteType));
    return undefined;
  },

  async mind_is_called(context) {
    const mind = new Target();
    const avatar: RemoteReference = await login(context.connection, alice, mind);
    expect((await avatar.callRemote("ask_mind", 41)) === 42 && isSame(mind.pings, [41]), "ask_mind");
    const error = await failureOf((await loginAs(context, bob)).callRemote("ask_mind", 1));
    expect(error.remoteType === "contract.ContractError" && error.message === "no mind", error.message);
    return undefined;
  },

  async viewable(context) {
    const a = await loginAs(context, alice);
    const b = await loginAs(context, bob);
    const viewOfA = (await a.callRemote("get_view")) as RemoteReference;
    const viewOfB = (await b.callRemote("get_view")) as RemoteReference;
    expect(viewOfA.id !== viewOfB.id, "one view per perspective");
    expect((await a.callRemote("get_view")) === viewOfA, "same perspective and object: same view");
    const shown = await viewOfA.callRemote("whoami", 1, kwargs({ k: "w" }));
    expect(isSame(shown, tuple(bytes("alice"), tuple(1), { k: "w" })), show(shown));
    const other = await viewOfB.callRemote("whoami");
    expect(isSame(other, tuple(bytes("bob"), tuple(), {})), show(other));
    expect((await a.callRemote("is_view", viewOfA)) === true, "view going home");
    expect((await a.callRemote("is_view", viewOfB)) === false, "another perspective's view");
    return undefined;
  },

  async perspective_reaches_copyables(context) {
    const point = await (await loginAs(context, alice)).callRemote("get_point_for_me");
    const expected = { x: 1, y: 2, label: "for", for: bytes("alice") };
    expect(point instanceof PointCopy && isSame(Object.fromEntries(Object.entries(point)), expected), show(point));
    return undefined;
  },

  async avatar_errors(context) {
    const avatar = await loginAs(context, alice);
    const missing = await failureOf(avatar.callRemote("nosuch"));
    expect(missing.remoteType === "builtins.AttributeError", show(missing.remoteType));
    const raised = await failureOf(avatar.callRemote("raise_error", "m"));
    expect(raised.remoteType === "contract.ContractError" && raised.message === "m", raised.message);
    const onRoot = await failureOf(context.root.callRemote("whoami"));
    expect(onRoot.remoteType === "twisted.spread.flavors.NoSuchMethod", "the root offers only logins");
    return undefined;
  },

  async logout_when_reference_dropped(context) {
    const watcher = await loginAs(context, new Anonymous());
    const logouts = await count(watcher, "logouts", "alice");
    const avatar = await loginAs(context, alice);
    const sessions = await count(watcher, "sessions", "alice");
    expect(sessions >= 1, "logged in");
    avatar[Symbol.dispose]();
    await until(async () => (await count(watcher, "sessions", "alice")) === sessions - 1, "logout");
    expect((await count(watcher, "logouts", "alice")) === logouts + 1, "exactly one logout");
    return undefined;
  },

  async logout_on_disconnect(context) {
    const watcher = await loginAs(context, new Anonymous());
    const logouts = await count(watcher, "logouts", "bob");
    const connection = await context.another();
    await login(connection, bob);
    const sessions = await count(watcher, "sessions", "bob");
    expect(sessions >= 1, "logged in");
    await connection.close();
    await until(async () => (await count(watcher, "sessions", "bob")) === sessions - 1, "logout");
    expect((await count(watcher, "logouts", "bob")) === logouts + 1, "exactly one logout");
    return undefined;
  },
};
