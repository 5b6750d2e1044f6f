// `pb tap` between real programs, and `pb decode` and `pb stats` of what it records.

import { readFileSync, writeFileSync } from "node:fs";
import { createServer, connect as connectSocket } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { once } from "node:events";
import { PBError, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import {
  BearerToken,
  BearerTokenChecker,
  InMemoryUsernamePasswordChecker,
  login,
  Portal,
  UsernamePassword,
} from "@pb/cred";
import { connect, listen } from "@pb/node-transport";
import { afterEach, expect, test } from "vitest";
import { folder, until } from "../../../node-transport/test/support/echo.js";
import { workerFile } from "../../src/worker-file.js";
import { pb } from "../support.js";
import type { Ran } from "../support.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

class Shop extends Root {
  remote_find(id: number, options?: unknown): unknown {
    return { id, options };
  }

  remote_fail(): never {
    throw new PBError("no such shop\u001b[31m");
  }

  remote_never(): Promise<never> {
    return new Promise(() => undefined);
  }

  remote_room(): Root {
    return new Shop();
  }

  remote_getToken(): string {
    return SECRETS.result;
  }

  remote_echo(value: unknown): unknown {
    return value;
  }
}

const SECRETS = Object.fromEntries(
  ["password", "token", "field", "nested", "argument", "result", "further", "bytes"].map((name) => [
    name,
    `${name}-${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`,
  ]),
) as Record<"password" | "token" | "field" | "nested" | "argument" | "result" | "further" | "bytes", string>;

interface Tap {
  readonly port: number;
  readonly output: () => string;
  /** Ctrl-C. */
  stop(): Promise<Ran>;
}

/** Starts `pb tap` in this process. */
async function startTap(to: string, ...flags: string[]): Promise<Tap> {
  const interrupt = new AbortController();
  const seen = { stdout: "", stderr: "" };
  const args = ["tap", "--listen", "tcp:0:interface=127.0.0.1", "--to", to, ...flags];
  const ran = pb(args, { signal: interrupt.signal, seen });
  const stop = (): Promise<Ran> => {
    interrupt.abort(new DOMException("Interrupted", "AbortError"));
    return ran;
  };
  cleanups.push(stop);
  await until(() => /listening at tcp:(\d+)/.test(seen.stderr), `pb tap: ${seen.stderr}`);
  return {
    port: Number(/listening at tcp:(\d+)/.exec(seen.stderr)![1]),
    output: () => seen.stdout + seen.stderr,
    stop,
  };
}

async function startServer(root: Root | Portal): Promise<string> {
  const server = await listen("tcp:0:interface=127.0.0.1", root);
  cleanups.push(() => server.close());
  return `tcp:127.0.0.1:${server.port}`;
}

test("shows calls, answers, errors, latencies, sizes and what is open, and records them", async () => {
  using files = folder();
  const file = files.file("shop.pbrec");
  const tap = await startTap(await startServer(new Shop()), "-o", file);
  const connection = await connect(`tcp:127.0.0.1:${tap.port}`);
  const root = await connection.getRootObject();
  expect(await root.callRemote("find", 12, "abc")).toEqual({ id: 12, options: "abc" });
  await expect(root.callRemote("fail")).rejects.toThrow("no such shop");
  const room = (await root.callRemote("room")) as RemoteReference;
  await room.callRemote("find", 1);
  room.callRemote("never").catch(() => undefined);
  await until(() => tap.output().includes("never"), "the call");
  connection.terminate("closed");
  await until(() => tap.output().includes("was not answered"), "the end");
  const { status, stdout } = await tap.stop();
  expect(status).toBe(0);
  const lines = [
    /<- offers the dialects pb, none \[12 B\]/,
    /-> call \d+ root\.find\(12, "abc"\) \[\d+ B\]/,
    /<- answer \d+ root\.find: \{"id": 12, "options": "abc"\} \[\d+ B, [\d.]+ ms\]/,
    /<- error \d+ root\.fail: twisted\.spread\.pb\.Error: "no such shop\\u001b\[31m" /,
    /<- answer \d+ root\.room: object 1 /,
    /-> call \d+ room#1\.never\(\)/,
    /#1 closed by the client/,
    /call \d+ of the client was not answered: room#1\.never, /,
    /the client still held 1 object of the server: result of room, /,
  ];
  for (const line of lines) expect(stdout).toMatch(line);
  expect(stdout).not.toContain("\u001b");

  const decoded = await pb(["decode", file]);
  expect(decoded).toMatchObject({ status: 0, stderr: "" });
  for (const line of lines) expect(decoded.stdout).toMatch(line);
  const rows = (await pb(["decode", file, "--json"])).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows.find(({ kind, method }) => kind === "error" && method === "fail")).toMatchObject({ from: "server" });
  const counted = JSON.parse((await pb(["stats", file, "--json"])).stdout);
  expect(counted).toMatchObject({
    connections: 1,
    open: { calls: 1, references: 1 },
    methods: expect.arrayContaining([
      expect.objectContaining({ caller: "client", method: "find", calls: 2, answers: 2, p99Ms: expect.any(Number) }),
      expect.objectContaining({ method: "fail", errors: 1 }),
    ]),
  });
  const table = await pb(["stats", file], { columns: 40 });
  expect(table.stdout).toMatch(/^method +calls/);
  expect(table.stdout.split("\n").filter((line) => line.length > 40)).toEqual([]);
});

test("secrets appear in no output and no file", async () => {
  using files = folder();
  const file = files.file("secret.pbrec");
  const realm = { requestAvatar: () => ({ avatar: new Shop() }) };
  const tokens = new BearerTokenChecker((token) => (token === SECRETS.token ? "robot" : undefined));
  const checkers = [new InMemoryUsernamePasswordChecker({ alice: SECRETS.password }), tokens];
  const policy = { bearer: "any", classic: "any" } as const;
  const server = await startServer(new Portal(realm, checkers, { policy }));
  const tap = await startTap(server, "-o", file, "--redact", "ssn", "--inspect");
  const url = /shown at (\S+)/.exec(tap.output())![1]!;
  const events = await fetch(`${url}events`);
  const dial = async () => {
    const connection = await connect(`tcp:127.0.0.1:${tap.port}`);
    cleanups.push(() => connection.close());
    return connection;
  };
  const password = new UsernamePassword("alice", SECRETS.password);
  const scram = await login(await dial(), password);
  const classic = await dial();
  const classicRoot = await classic.getRootObject();
  const digests = await classicLogin(classicRoot);
  const bearer = await dial();
  const secure = { insecureToken: true };
  await login(bearer, new BearerToken(SECRETS.token), null, secure as never).catch(() => undefined);
  await (
    await bearer.getObject("pbx.login")
  )
    .callRemote("bearer", Buffer.from(SECRETS.token), null)
    .catch(() => undefined);
  await scram.callRemote("echo", { password: SECRETS.field, deep: [{ api_key: { value: SECRETS.nested } }] });
  await scram.callRemote("echo", {
    ssn: SECRETS.further,
    x: new Map([[new TextEncoder().encode("secret"), new TextEncoder().encode(SECRETS.bytes)]]),
  });
  await scram.callRemote("setPassword", "alice", SECRETS.argument).catch(() => undefined);
  expect(await scram.callRemote("getToken")).toBe(SECRETS.result);
  await scram.callRemote("echo", `the token is ${SECRETS.result}`);
  await scram.callRemote("echo", "the end");
  await until(() => tap.output().includes("the end"), "the last call");
  const { stdout, stderr } = await tap.stop();
  const recording = readFileSync(file, "utf8");
  const raw = recording
    .trim()
    .split("\n")
    .map((line) => Buffer.from((JSON.parse(line) as { data?: string }).data ?? "", "base64").toString("latin1"))
    .join("");
  const decoded = (await pb(["decode", file])).stdout + (await pb(["decode", "--json", file])).stdout;
  const shown = await events.text();
  expect(shown).toContain("the end");
  const everything = [stdout, stderr, recording, raw, decoded, shown].join("\n");
  const secrets = [...Object.values(SECRETS), ...digests];
  for (const secret of secrets) {
    for (const form of [secret, hex(secret), base64(secret)]) expect(everything.includes(form), secret).toBe(false);
  }
  // SCRAM: the proof of the client and the signature of the server.
  expect(raw).not.toMatch(/,p=[A-Za-z0-9+/]{20}|v=[A-Za-z0-9+/]{20}/);
  expect(raw.match(/\[redacted\]/g)!.length).toBeGreaterThan(8);
});

const hex = (text: string): string => Buffer.from(text, "latin1").toString("hex");
const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64").replace(/=*$/, "").slice(0, -1);

/** Logs in as Twisted does. Returns the response to the challenge, byte by byte. */
async function classicLogin(root: RemoteReference): Promise<string[]> {
  const challenged = (await root.callRemote("login", Buffer.from("alice"))) as Iterable<unknown>;
  const [challenge, challenger] = [...challenged] as [Uint8Array, RemoteReference];
  const response = new UsernamePassword("alice", SECRETS.password).respond(challenge);
  await challenger.callRemote("respond", response, null);
  return [Buffer.from(response).toString("latin1")];
}

/** A server that is not PB: what it receives, and its socket. */
async function startPlain(onSocket: (socket: Socket) => void): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function dialTap({ port }: Tap): Promise<Socket> {
  const socket = connectSocket({ port, host: "127.0.0.1", allowHalfOpen: true }).on("error", () => undefined);
  cleanups.push(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** What arrives until the other end sends nothing more, or the socket is closed. */
function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const done = (): void => resolve(Buffer.concat(chunks));
    socket
      .on("data", (chunk: Buffer) => chunks.push(chunk))
      .on("end", done)
      .on("close", done);
  });
}

test("no byte is changed in either direction, and each may end before the other", async () => {
  const bytes = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 31) >> 3));
  const to = await startPlain((socket) => {
    void readAll(socket).then((received) => socket.end(received));
  });
  const tap = await startTap(to);
  const socket = await dialTap(tap);
  socket.end(bytes);
  expect((await readAll(socket)).equals(bytes)).toBe(true);
  await until(() => tap.output().includes("closed by"), "the end");
  expect(tap.output()).toContain("-> cannot be decoded from offset 0");
  expect(tap.output()).toContain("the client sends nothing more");
});

test("a server that speaks first and is no PB is passed on", async () => {
  const tap = await startTap(await startPlain((socket) => void socket.end("220 mail.example ESMTP\r\n")));
  const socket = await dialTap(tap);
  expect((await readAll(socket)).toString()).toBe("220 mail.example ESMTP\r\n");
  socket.end();
  await until(() => tap.output().includes("closed by the server"), "the end");
  expect(tap.output()).toContain("(BANANA_NOT_BANANA)");
});

test("bytes that are not recorded take one line of pb decode", async () => {
  using files = folder();
  const file = files.file("opaque.pbrec");
  const header = { pb: 1, started: "", tool: "", listen: "", target: "" };
  const lines = [1, 2, 3].map((t) => ({ kind: "opaque", t, connection: 1, from: "client", size: 10 }));
  writeFileSync(file, [header, ...lines, { kind: "finish", t: 4 }].map((line) => `${JSON.stringify(line)}\n`).join(""));
  const { stdout } = await pb(["decode", file]);
  expect(stdout.match(/CLI_NOT_RECORDED/g)).toHaveLength(1);
  expect(JSON.parse((await pb(["stats", file, "--json"])).stdout)).toMatchObject({ opaqueBytes: { client: 30 } });
});

test("a target that is not there, and one that dies", async () => {
  const nothing = await startTap("tcp:127.0.0.1:1");
  expect(await readAll(await dialTap(nothing))).toHaveLength(0);
  await until(() => nothing.output().includes("no connection to the server: ECONNREFUSED"), nothing.output());
  const dying = await startTap(await startPlain((socket) => void socket.once("data", () => socket.resetAndDestroy())));
  const socket = await dialTap(dying);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.write("x");
  await closed;
  await until(() => dying.output().includes("closed by the server with ECONNRESET"), "the end");
});

test("many connections at a time are no reason for a warning", async () => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on("warning", note);
  cleanups.push(() => process.off("warning", note));
  const tap = await startTap(await startPlain((socket) => void socket.pipe(socket)), "--quiet");
  for (let count = 0; count < 30; count++) (await dialTap(tap)).write("x");
  await tap.stop();
  expect(warnings).toEqual([]);
});

test("Ctrl-C closes connections cleanly, and the recording is complete", async () => {
  using files = folder();
  const file = files.file("stopped.pbrec");
  const tap = await startTap(await startServer(new Shop()), "-o", file, "--quiet");
  const connection = await connect(`tcp:127.0.0.1:${tap.port}`);
  const ended = new Promise((resolve) => connection.notifyOnDisconnect(resolve));
  await (await connection.getRootObject()).callRemote("echo", 1);
  expect((await tap.stop()).status).toBe(0);
  await ended;
  const { status, stdout } = await pb(["decode", file]);
  expect(status).toBe(0);
  expect(stdout).toContain("closed by pb tap");

  const whole = readFileSync(file, "utf8");
  const cut = files.file("cut.pbrec");
  writeFileSync(cut, whole.slice(0, whole.indexOf('{"kind":"fin"')));
  const open = await pb(["decode", cut]);
  expect(open).toMatchObject({ status: 1, stderr: expect.stringContaining("CLI_RECORDING_TRUNCATED") });
  expect(open.stdout).toMatch(/#1 open when the recording ended\n/);
  expect((await pb(["stats", cut])).stdout).toMatch(/\n1 connection, 0 ended, \d+ messages\n/);
});

test("the sources say that the thread needs the built package", async () => {
  const { url } = workerFile;
  workerFile.url = new URL("../../src/worker.ts", import.meta.url);
  try {
    const { status, stderr } = await pb(["tap", "--listen", "tcp:0", "--to", "tcp:127.0.0.1:1"]);
    expect([status, stderr]).toEqual([2, "pb: pb tap needs the built package: run npm run build (CLI_FILE)\n"]);
  } finally {
    workerFile.url = url;
  }
});

test.each([
  [["--listen", "tcp:1:x=y", "--to", "tcp:a:1"], 2, "ENDPOINT_"],
  [["--listen", "tls:1", "--to", "tcp:a:1"], 2, ""],
  [["--to", "tcp:a:1"], 2, "--listen"],
  [["--listen", "tcp:8788", "--to", "tcp:localhost:8788"], 2, "the same place"],
  [["--listen", "tcp:8788:interface=0.0.0.0", "--to", "tcp:127.0.0.1:8788"], 2, "the same place"],
  [["--listen", "tcp:8788:interface=10.1.2.3", "--to", "tls:10.1.2.3:8788"], 2, "the same place"],
  [["--listen", "unix:/tmp/a/../pb.sock", "--to", "unix:/tmp/pb.sock"], 2, "CLI_USAGE"],
  [["--listen", "tcp:0", "--to", "tcp:a:1", "-o", "/nonexistent/x"], 2, "CLI_FILE"],
])("%j is refused", async (args, status, text) => {
  const refused = await pb(["tap", ...args]);
  expect(refused).toMatchObject({ status, stdout: "", stderr: expect.stringContaining(text) });
});

test.each([
  ["decode", "/nonexistent", 2, "CLI_FILE"],
  ["stats", "/nonexistent", 2, "CLI_FILE"],
])("%s of a file that cannot be read fails", async (command, file, status, text) => {
  expect(await pb([command, file])).toMatchObject({ status, stdout: "", stderr: expect.stringContaining(text) });
});

test("raw bytes of one side are decoded, from the start or from the middle", async () => {
  using files = folder();
  const decodeBytes = async (hexBytes: string): Promise<Ran> => {
    const { writeFileSync } = await import("node:fs");
    writeFileSync(files.file("raw"), Buffer.from(hexBytes.replaceAll(" ", ""), "hex"));
    return pb(["decode", files.file("raw")]);
  };
  const callOfEcho = "0780 1a87 0181 0482726f6f74 04826563686f 0181 0280 0b87 0181 0180 0587";
  expect((await decodeBytes(`02827062 02801387 0681 ${callOfEcho}`)).stdout).toMatch(/-> call 1 root\.echo\(1\)/);
  expect((await decodeBytes(callOfEcho)).stdout).toMatch(/-> call 1 root\.echo\(1\)/);
  for (const [bytes, status, code] of [
    ["", 5, "CLI_NOT_PB"],
    [Buffer.from("GET / HTTP/1.1\r\n\r\n").toString("hex"), 5, "CLI_NOT_PB"],
    [`${callOfEcho}ffff`, 5, "CLI_NOT_PB"],
    [`${callOfEcho}0780`, 1, "CLI_RECORDING_TRUNCATED"],
  ] as const) {
    const decoded = await decodeBytes(bytes);
    expect([decoded.status, decoded.stderr]).toEqual([
      status,
      expect.stringMatching(new RegExp(`^pb: .*\\(${code}\\)\n$`)),
    ]);
    expect((await pb(["stats", files.file("raw")])).status).toBe(status);
  }
  expect((await decodeBytes("02800282706204826e6f6e65 0280 1387 0681 0380 1b87 0181 0781")).stdout).toMatch(
    /offers the dialects pb, none[^]*<- answer 1 to no call that was seen: 7/,
  );
  expect((await decodeBytes("4845 4c4c 4f0a")).stdout).toContain("cannot be decoded");
});
