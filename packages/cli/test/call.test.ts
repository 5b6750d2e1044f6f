// `pb call` with servers of this repository.

import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { Avatar, PBError, Referenceable, Root } from "@pb/broker";
import { AllowAnonymousAccess, InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import { listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { afterAll, beforeAll, expect, test } from "vitest";
import { folder } from "../../node-transport/test/support/echo.js";
import { pb } from "./support.js";

class Room extends Referenceable {
  readonly #name: string;
  constructor(name: string) {
    super();
    this.#name = name;
  }
  remote_members(): string[] {
    return [`owner of ${this.#name}`];
  }
}

class Shop extends Root {
  readonly #arrived: () => void;
  constructor(arrived: () => void = () => undefined) {
    super();
    this.#arrived = arrived;
  }
  remote_echo(...args: unknown[]): unknown {
    return args;
  }
  remote_room(name: string): Room {
    return new Room(name);
  }
  remote_fail(): never {
    throw new PBError("no \u001b[31mred\u001b[0m\nlight");
  }
  remote_hang(): Promise<never> {
    this.#arrived();
    return new Promise(() => undefined);
  }
}

class User extends Avatar {
  readonly #name: string;
  constructor(name: string) {
    super();
    this.#name = name;
  }
  perspective_whoami(): string {
    return this.#name;
  }
  perspective_leak(): never {
    throw new PBError("wonder is your password, alice");
  }
}

const interrupts: { arrived: () => void } = { arrived: () => undefined };
let server: Server;
let portal: Server;
let endpoint: string;
let portalEndpoint: string;

beforeAll(async () => {
  server = await listen("tcp:0:interface=127.0.0.1", new Shop(() => interrupts.arrived()));
  const realm = { requestAvatar: (id: unknown) => ({ avatar: new User(typeof id === "string" ? id : "guest") }) };
  const checkers = [new InMemoryUsernamePasswordChecker({ alice: "wonder" }), new AllowAnonymousAccess()];
  portal = await listen("tcp:0:interface=127.0.0.1", new Portal(realm, checkers));
  endpoint = `tcp:127.0.0.1:${server.port}`;
  portalEndpoint = `tcp:127.0.0.1:${portal.port}`;
});
afterAll(async () => {
  await server.close();
  await portal.close();
});

test("shows the result, with its types", async () => {
  const { stdout, status } = await pb(["call", endpoint, "root.echo", "12", "2.5", "lobby", '{"$tuple": [1]}']);
  expect(JSON.parse(stdout)).toEqual([12, 2.5, "lobby", { $tuple: [1] }]);
  expect(status).toBe(0);
});

test("passes keyword arguments, and calls results", async () => {
  const kw = await pb(["call", endpoint, "root.echo", "1", "--kw", "limit=3", "--kw", 'tag="x"', "--json"]);
  expect(kw).toEqual({ status: 0, stdout: '{"result": [1, {"limit": 3, "tag": "x"}]}\n', stderr: "" });
  const chain = await pb(["call", endpoint, 'root.room("lobby").members', "--json"]);
  expect(chain).toEqual({ status: 0, stdout: '{"result": ["owner of lobby"]}\n', stderr: "" });
  const wrong = await pb(["call", endpoint, "root.echo.members"]);
  expect(wrong).toMatchObject({ status: 1, stderr: expect.stringContaining("(CLI_NOT_A_REFERENCE)") });
});

test("shows an error of the peer without its escapes", async () => {
  const { status, stderr, stdout } = await pb(["call", endpoint, "root.fail", "--json"]);
  expect(status).toBe(1);
  expect(stderr + stdout).not.toContain("\u001b");
  expect(stderr).toBe("pb: the peer answered twisted.spread.pb.Error: no \\x1b[31mred\\x1b[0m\\nlight (CALL_FAILED)\n");
  expect(JSON.parse(stdout)).toMatchObject({
    error: { code: "CALL_FAILED", type: "twisted.spread.pb.Error" },
  });
});

test("logs in with a password from the environment, a file or the terminal", async () => {
  const whoami = ["call", portalEndpoint, "root.whoami", "--json", "--login", "alice"];
  const alice = { status: 0, stdout: '{"result": "alice"}\n', stderr: "" };
  expect(await pb(whoami, { env: { PB_PASSWORD: "wonder" } })).toEqual(alice);
  expect(await pb([...whoami, "--secret-env", "MINE"], { env: { MINE: "wonder" } })).toEqual(alice);
  using files = folder();
  writeFileSync(files.file("secret"), "wonder\n");
  expect(await pb([...whoami, "--secret-file", files.file("secret")])).toEqual(alice);
  expect(await pb(whoami, { typed: "wonder\n" })).toEqual({ ...alice, stderr: "Password: \n" });
  const ended = await pb(whoami, { typed: "won\u0003" });
  expect(ended).toEqual({ status: 130, stdout: "", stderr: "Password: \n" });
  const guest = await pb(["call", portalEndpoint, "root.whoami", "--anonymous"]);
  expect(guest.stdout).toBe('"guest"\n');
});

test("a wrong password has an exit status of its own, and is not shown", async () => {
  const ran = await pb(["call", portalEndpoint, "root.whoami", "--login", "alice", "--json"], {
    env: { PB_PASSWORD: "sesame-4711" },
  });
  expect(ran.status).toBe(4);
  expect(JSON.parse(ran.stdout)).toMatchObject({ error: { code: expect.stringMatching(/^LOGIN_/) } });
  expect(ran.stdout + ran.stderr).not.toContain("sesame-4711");
});

test("a token is not sent over an unencrypted connection", async () => {
  const ran = await pb(["call", portalEndpoint, "root.whoami", "--token"], { env: { PB_TOKEN: "t0ken" } });
  expect(ran).toMatchObject({ status: 4, stderr: expect.stringContaining("unencrypted") });
});

test.each([
  [["--login", "alice"], "the secret is missing: set PB_PASSWORD"],
  [["--login", "alice", "--anonymous"], "exclude each other"],
  [["--secret-env", "A"], "need --login USER or --token"],
  [["--login", "a", "--secret-env", "A", "--secret-file", "b"], "exclude each other"],
  [["--login", "a", "--secret-env", "A"], "--secret-env A: there is no such variable"],
  [["--login", "a", "--secret-file", "/nonexistent"], "--secret-file /nonexistent cannot be read"],
  [["--kw", "limit"], '--kw "limit": expected NAME=VALUE'],
  [["--kw", "a=1", "--kw", "a=2"], "--kw a is given twice"],
  [["--timeout", "0"], '--timeout "0": expected seconds'],
  [["[1,"], "argument 1: "],
])("%j is refused before anything is sent", async (more, message) => {
  const ran = await pb(["call", "tcp:127.0.0.1:1", "root.a", ...more]);
  expect(ran).toMatchObject({ status: 2, stdout: "", stderr: expect.stringContaining(message) });
});

test("a bad endpoint and a closed port have statuses of their own", async () => {
  expect(await pb(["call", "tcp:host", "root.a"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("(ENDPOINT_INVALID)"),
  });
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, "close");
  expect(await pb(["call", `tcp:127.0.0.1:${port}`, "root.a"])).toMatchObject({
    status: 3,
    stderr: expect.stringContaining("(ECONNREFUSED)"),
  });
});

test("a timeout and Ctrl-C end a call that is not answered", async () => {
  const late = await pb(["call", endpoint, "root.hang", "--timeout", "0.2"]);
  expect(late).toMatchObject({ status: 6, stdout: "", stderr: expect.stringContaining("within 0.2 s") });
  const interrupt = new AbortController();
  interrupts.arrived = () => interrupt.abort(new DOMException("Interrupted", "AbortError"));
  expect(await pb(["call", endpoint, "root.hang"], { signal: interrupt.signal })).toEqual({
    status: 130,
    stdout: "",
    stderr: "",
  });
});

test("a server that closes the connection has an exit status of its own", async () => {
  const closing = createServer((socket) => void socket.on("error", () => undefined).end()).listen(0, "127.0.0.1");
  await once(closing, "listening");
  const ran = await pb(["call", `tcp:127.0.0.1:${(closing.address() as AddressInfo).port}`, "root.a"]);
  expect(ran).toMatchObject({ status: 5, stderr: expect.stringContaining("(CONNECTION_LOST)") });
  closing.close();
  await once(closing, "close");
});

test("does not show the password that an error of the server repeats", async () => {
  const leak = ["call", portalEndpoint, "root.leak", "--login", "alice"];
  const text = await pb(leak, { env: { PB_PASSWORD: "wonder" } });
  expect(text).toEqual({
    status: 1,
    stdout: "",
    stderr: "pb: the peer answered twisted.spread.pb.Error: [redacted] is your password, alice (CALL_FAILED)\n",
  });
  const json = await pb([...leak, "--json"], { env: { PB_PASSWORD: "wonder" } });
  expect(JSON.parse(json.stdout).error.message).toBe("[redacted] is your password, alice");
  expect(json.stderr).toBe(text.stderr);
});
