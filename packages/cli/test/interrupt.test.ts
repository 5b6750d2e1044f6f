// Ctrl-C ends each command, also while it waits for something that never comes.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, existsSync, openSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { noTwisted } from "../../../tools/twisted/twisted.js";
import { folder, until } from "../../node-transport/test/support/echo.js";
import { recordingOf, said } from "./outputs/peers.js";
import { pb } from "./support.js";

const [twisted] = inject("twisteds");
const files = folder();
const sockets = new Set<Socket>();
const silent = [0, 1].map(() => createServer((socket) => void sockets.add(socket.on("error", () => undefined))));
let endpoint = "";
const path = files.file("silent.sock");

beforeAll(async () => {
  silent[0]!.listen(0, "127.0.0.1");
  silent[1]!.listen(path);
  await Promise.all(silent.map((server) => once(server, "listening")));
  endpoint = `tcp:127.0.0.1:${(silent[0]!.address() as AddressInfo).port}`;
  writeFileSync(files.file("a.pbrec"), recordingOf(said("same")));
  writeFileSync(files.file("slow.py"), "import os, time\nopen(os.environ['STARTED'], 'w').close()\ntime.sleep(600)\n");
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(silent.map((server) => new Promise((resolve) => server.close(resolve))));
  files[Symbol.dispose]();
});

/** The arguments of each command that waits. The exit status is 130, or 0 for a command that only ends in this way. */
const waiting: Readonly<Record<string, readonly (readonly [number, ...string[]])[]>> = {
  call: [[130, "SERVER", "root.find"]],
  doctor: [[130, "SERVER", "--silence", "600"]],
  tap: [
    [0, "--listen", "tcp:0", "--to", "SERVER"],
    [0, "--listen", "tcp:0", "--to", "SERVER", "--inspect", "--json"],
  ],
  decode: [[130, "-"]],
  stats: [[130, "-"]],
  replay: [
    [130, "FILE", "--as", "client", "--to", "SERVER", "--timeout", "600"],
    [130, "FILE", "--as", "server", "--listen", "tcp:0"],
  ],
  gateway: [[0, "--listen", "ws:0:interface=127.0.0.1", "--to", "SERVER"]],
  typegen: [[130, "--python", "PYTHON", "MODULE", "--timeout", "600"]],
  top: [[130, "SOCKET"]],
  sessions: [[130, "SOCKET"]],
  passwd: [[130, "USERS", "ann", "--create"]],
  completion: [],
  help: [],
};

const rows = Object.entries(waiting).flatMap(([command, runs]) =>
  runs.map(([status, ...args]) => ({ command, status, args, title: `pb ${command} ${args.join(" ")}` })),
);

test("each command has a row", async () => {
  const { stdout } = await pb(["--help"]);
  const commands = stdout.slice(stdout.indexOf("\nCommands:\n"), stdout.indexOf("\nExamples:\n"));
  const names = [...commands.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name!);
  expect(Object.keys(waiting).sort()).toEqual(names.sort());
});

test.for(rows)("$title ends with status $status", async ({ command, status, args }, { skip }) => {
  skip(command === "typegen" && twisted === undefined, noTwisted);
  const started = files.file("started");
  const places: Readonly<Record<string, string>> = {
    ...{ SERVER: endpoint, SOCKET: path, FILE: files.file("a.pbrec"), USERS: files.file("users") },
    ...{ MODULE: files.file("slow.py"), PYTHON: twisted?.python ?? "" },
  };
  const interrupt = new AbortController();
  const seen = { stdout: "", stderr: "" };
  const before = sockets.size;
  const words = [command, ...args.map((word) => places[word] ?? word)];
  const running = pb(words, { signal: interrupt.signal, seen, env: { ...process.env, STARTED: started } });
  const isWaiting = (): boolean => {
    if (/^(decode|stats|passwd)$/.test(command)) return true;
    return sockets.size > before || seen.stdout + seen.stderr !== "" || existsSync(started);
  };
  await until(isWaiting, "the command waits");
  await new Promise((resolve) => setTimeout(resolve, 20));
  interrupt.abort(new DOMException("Interrupted", "AbortError"));
  expect((await running).status).toBe(status);
});

test.skipIf(process.platform === "win32").each(["decode", "stats", "replay"])(
  "pb %s ends while a named pipe has no writer",
  async (command) => {
    const pipe = files.file(`${command}.pipe`);
    execFileSync("mkfifo", [pipe]);
    const interrupt = new AbortController();
    const more = command === "replay" ? ["--as", "client", "--to", endpoint] : [];
    const running = pb([command, pipe, ...more], { signal: interrupt.signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    interrupt.abort(new DOMException("Interrupted", "AbortError"));
    expect((await running).status).toBe(130);
    closeSync(openSync(pipe, constants.O_RDWR)); // Lets go of the thread that opens the pipe.
  },
);
