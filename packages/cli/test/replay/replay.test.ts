// `pb replay`, as either end of a conversation of programs of this repository.

import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Avatar, kwargs, PBError, Referenceable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { login, Md5Digest, PasswordChecker, Portal, UsernamePassword } from "@pb/cred";
import { connect, listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folder } from "../../../node-transport/test/support/echo.js";
import { pb } from "../support.js";
import type { Ran } from "../support.js";
import { record } from "./record.js";

class Room extends Referenceable {
  readonly #listeners: RemoteReference<Listener>[] = [];
  remote_join(listener: RemoteReference<Listener>): string {
    this.#listeners.push(listener);
    return "joined";
  }
  async remote_say(text: string): Promise<number> {
    for (const listener of this.#listeners) await listener.call.heard(text, new Set(["a", "b"]));
    return this.#listeners.length;
  }
}

class Listener extends Referenceable {
  readonly heard: string[] = [];
  remote_heard(text: string, _tags: Set<string>): string {
    this.heard.push(text);
    return `heard ${text}`;
  }
}

class User extends Avatar {
  perspective_room(name: string): Room {
    if (name === "closed") throw new PBError(`no room at 0x${Math.floor(performance.now() * 1000).toString(16)}`);
    return new Room();
  }
  perspective_leave(room: Room, options?: unknown): string {
    return `${room instanceof Room} ${options === undefined}`;
  }
}

/** What the client of the recording does. */
async function useServer(endpoint: string, said = "hello"): Promise<string[]> {
  await using connection = await connect(endpoint, { liveness: false });
  const credentials = new UsernamePassword("alice", "wonder-4711");
  const user = await login<User>(connection, credentials);
  const room = await user.call.room("lobby");
  const listener = new Listener();
  const seen = [await room.call.join(listener), String(await room.call.say(said)), ...listener.heard];
  seen.push(await user.call.leave(room, kwargs({ token: "t0ken-4711" })));
  seen.push(await user.call.room("closed").then(String, (error: unknown) => (error as Error).message));
  return seen;
}

const files = folder();
const recording = files.file("shop.pbrec");
let server: Server;
let endpoint: string;

beforeAll(async () => {
  const users = new PasswordChecker({ find: () => Md5Digest.of("wonder-4711"), stores: ["md5"] });
  server = await listen(
    "tcp:0:interface=127.0.0.1",
    new Portal({ requestAvatar: () => ({ avatar: new User() }) }, [users]),
  );
  endpoint = `tcp:127.0.0.1:${server.port}`;
  await record(recording, server.port, useServer);
});
afterAll(async () => {
  await server.close();
  files[Symbol.dispose]();
});

const env = { PB_PASSWORD: "wonder-4711" };

test("the recording has no secrets", () => {
  const text = readFileSync(recording, "utf8");
  const bytes = text
    .split("\n")
    .map((line) =>
      line === "" ? "" : Buffer.from((JSON.parse(line) as { data?: string }).data ?? "", "base64").toString("latin1"),
    );
  expect(bytes.join("")).not.toMatch(/4711/);
  expect(bytes.join("")).toContain("[redacted]");
});

test("stands in for the client: logs in with the password, and finds no difference", async () => {
  const ran = await pb(["replay", recording, "--as", "client", "--to", endpoint], { env });
  expect(ran).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^\d+ messages sent, \d+ received as recorded\n$/),
  });
  expect(ran.stderr).toContain("sent with [redacted] in the place of its secrets");
  const paced = await pb(["replay", recording, "--as", "client", "--to", endpoint, "--timing", "--json"], { env });
  expect(JSON.parse(paced.stdout)).toMatchObject({ difference: null });
});

test("a wrong password is a difference, and is not shown", async () => {
  const ran = await pb(["replay", recording, "--as", "client", "--to", endpoint], {
    env: { PB_PASSWORD: "wrong-4712" },
  });
  expect(ran.status).toBe(7);
  expect(ran.stdout).toMatch(/recorded {2}answer \d+ .*respond.*\nreceived {2}error \d+ .*respond.*UnauthorizedLogin/);
  expect(ran.stdout + ran.stderr).not.toContain("471");
});

/** Replays the server, and runs the client with it. */
async function asServer(
  options: readonly string[],
  use: (endpoint: string) => Promise<unknown>,
): Promise<Ran & { seen: unknown }> {
  let replaying: Promise<Ran> | undefined;
  const place = await new Promise<string>((resolve) => {
    const onOutput = (text: string): void => resolve(text.replace(/^listening at tcp:(\d+).*\n/, "tcp:127.0.0.1:$1"));
    replaying = pb(["replay", recording, "--as", "server", "--listen", "tcp:0", ...options], { onOutput });
  });
  const seen = await use(place).catch((error: unknown) => error);
  return { ...(await replaying!), seen };
}

test("stands in for the server: the client gets what it got in the recording, with any password", async () => {
  const { status, stdout, seen } = await asServer([], (place) => useServer(place));
  expect(stdout).toMatch(/received as recorded\n$/);
  expect(status).toBe(0);
  expect(seen).toEqual(["joined", "1", "hello", "true false", expect.stringMatching(/^no room at 0x/)]);
});

test("names the first difference with both sides, and its place", async () => {
  const { status, stdout } = await asServer([], (place) => useServer(place, "good-bye"));
  expect(status).toBe(7);
  expect(stdout).toMatch(
    /recorded {2}call \d+ room#\d+\.say\("hello"\)\nreceived {2}call \d+ room#\d+\.say\("good-bye"\)/,
  );
  expect(stdout).toContain('at $.args[0]  "hello" was recorded, "good-bye" was received');
  const ignored = await asServer(["--ignore", "say"], (place) => useServer(place, "good-bye"));
  expect(ignored).toMatchObject({ status: 0 });
});

test("a client that leaves or does something else early is a difference", async () => {
  const left = await asServer([], async (place) => (await connect(place, { liveness: false })).close());
  expect(left).toMatchObject({ status: 7, stdout: expect.stringContaining("received  the connection was closed") });
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const to = `tcp:127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const waited = await pb(["replay", recording, "--as", "client", "--to", to, "--timeout", "0.1"], { env });
  expect(waited).toMatchObject({ status: 7, stdout: expect.stringContaining("received  nothing, within 0.1 s") });
  silent.close();
});

test("a call after the last recorded one is a difference", async () => {
  const { status, stdout } = await asServer([], async (place) => {
    await using connection = await connect(place, { liveness: false });
    const user = await login<User>(connection, new UsernamePassword("alice", "any"));
    const room = await user.call.room("lobby");
    await room.call.join(new Listener());
    await room.call.say("hello");
    await user.call.leave(room, kwargs({ token: "any" }));
    await user.call.room("closed").catch(() => undefined);
    await user.call.room("another");
  });
  expect(stdout).toMatch(/recorded {2}nothing more\nreceived {2}call \d+ #\d+\.room\("another"\)|room\("another"\)/);
  expect(status).toBe(7);
});

test("a call with other values is shown, although a call of the same method is recorded later", async () => {
  const { status, stdout } = await asServer([], async (place) => {
    await using connection = await connect(place, { liveness: false });
    const user = await login<User>(connection, new UsernamePassword("alice", "any"));
    user.call.room("attic").catch(() => undefined);
  });
  expect(stdout).toContain('at $.args[0]  "lobby" was recorded, "attic" was received');
  expect(status).toBe(7);
});

test.each([
  [["--as", "client"], "--as client needs --to ENDPOINT"],
  [["--as", "server", "--to", "tcp:a:1"], "--as server needs --listen ENDPOINT"],
  [["--as", "both"], "Allowed choices are server, client"],
  [[], "required option '--as <side>' not specified"],
  [["--as", "client", "--to", "tcp:a"], "(ENDPOINT_INVALID)"],
  [["--as", "client", "--to", "tcp:a:1", "--connection", "0"], '--connection "0": expected the number of a connection'],
  [["--as", "client", "--to", "tcp:a:1", "--timeout", "x"], '--timeout "x": expected seconds'],
  [["--as", "server", "--listen", "tls:1:privateKey=a:certKey=b"], "--listen: expected tcp:PORT"],
])("%j is refused before anything is opened", async (args, message) => {
  expect(await pb(["replay", recording, ...args])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringContaining(message),
  });
});

test("recordings that cannot be replayed have errors of their own", async () => {
  const run = (file: string, ...more: string[]) =>
    pb(["replay", file, "--as", "client", "--to", "tcp:127.0.0.1:1", ...more]);
  expect(await run(files.file("missing"))).toMatchObject({ status: 2, stderr: expect.stringContaining("ENOENT") });
  expect((await run(recording, "--connection", "2")).stderr).toContain(
    "has no connection 2 with messages (CLI_REPLAY)",
  );
  const [header = ""] = readFileSync(recording, "utf8").split("\n");
  const cases = [
    ["", "CLI_RECORDING_INVALID"],
    ["GET / HTTP/1.1\n", "CLI_RECORDING_INVALID"],
    [`${header.replace('"pb":1', '"pb":9')}\n`, "CLI_RECORDING_VERSION"],
    [`${header}\n{"kind":"opaque","t":1,"connection":1,"from":"client","size":3}\n`, "CLI_REPLAY"],
    [`${header}\n`, "CLI_REPLAY"],
  ] as const;
  for (const [text, code] of cases) {
    writeFileSync(files.file("bad"), text);
    expect((await run(files.file("bad"))).stderr).toContain(`(${code})`);
  }
});

test("a recording that was cut off is replayed up to there", async () => {
  const lines = readFileSync(recording, "utf8").split("\n");
  writeFileSync(files.file("cut"), `${lines.slice(0, -6).join("\n")}\n{"kind":"da`);
  const ran = await pb(["replay", files.file("cut"), "--as", "client", "--to", endpoint], { env });
  expect(ran).toMatchObject({ status: 0, stderr: expect.stringContaining("The recording ends within a line") });
});
