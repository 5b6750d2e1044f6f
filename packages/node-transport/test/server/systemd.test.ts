// Listening sockets that are inherited from systemd, or from a test that acts like systemd.

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, renameSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { describe, expect, test } from "vitest";
import type { Broker } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import { inheritedSocket } from "../../src/server/systemd.js";
import { Authority } from "../support/certificates.js";
import { Program } from "../support/program.js";
import { echo, Echo, folder } from "../support/echo.js";

const own = String(process.pid);

describe("an inherited socket", () => {
  const environment = { LISTEN_PID: own, LISTEN_FDS: "3", LISTEN_FDNAMES: "web:pb:pbs" };

  test.for<[object, number]>([
    [{ index: 0 }, 3],
    [{ index: 2 }, 5],
    [{ name: "pb" }, 4],
  ])("%o is descriptor %d", ([where, descriptor]) => {
    expect(inheritedSocket({ type: "systemd", ...where }, environment)).toBe(descriptor);
  });

  test.for<[string, object, NodeJS.ProcessEnv, string]>([
    [
      "there is no socket",
      { index: 0 },
      {},
      "the environment: expected sockets from systemd: is there a .socket unit?",
    ],
    [
      "the sockets are for another process",
      { index: 0 },
      { ...environment, LISTEN_PID: "1" },
      "the environment: expected sockets from systemd: is there a .socket unit?",
    ],
    ["there are fewer sockets", { index: 3 }, environment, "index: expected an integer from 0 to 2"],
    ["no socket has that name", { name: "ftp" }, environment, "name: expected one of web, pb, pbs"],
  ])("rejects an endpoint if %s", ([, where, env, message]) => {
    expect(() => inheritedSocket({ type: "systemd", ...where }, env)).toThrow(message);
  });

  test("is rejected in a program that systemd has not started", async () => {
    await expect(listen("systemd:index=0", new Echo())).rejects.toMatchObject({ code: "ENDPOINT_INVALID" });
  });
});

describe.skipIf(process.platform === "win32")("a program that inherits a socket", () => {
  /**
   * Starts the program as systemd does: with the socket as descriptor 3, and with its own process id in the
   * environment.
   */
  async function activated(server: Server, endpoint: string, name = "pb", pem: string[] = []): Promise<Program> {
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const wrapper = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"];
    const env = { LISTEN_FDS: "1", LISTEN_FDNAMES: name };
    const program = new Program("activated.ts", [endpoint, ...pem], {
      wrapper,
      env,
      stdio: ["pipe", "pipe", "inherit", fd],
    });
    await once(program.process, "spawn");
    server.close();
    return program;
  }

  test("serves a TCP port, also connections from before its start", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await using program = await activated(server, "systemd:domain=INET:index=0");
    await using connection = await connect(`tcp:127.0.0.1:${port}`);
    expect(await echo(connection, "hi")).toBe("hi");
    expect(JSON.parse(await program.line())).toEqual({ host: "127.0.0.1", port });
    const exit = once(program.process, "exit");
    program.process.kill("SIGTERM");
    expect((await connection.closed).reason).toBe("lost");
    expect((await exit)[0]).toBe(0);
  });

  test("serves a UNIX socket that is selected by name", async () => {
    using place = folder();
    const server = createServer().listen(place.file("made"));
    await once(server, "listening");
    renameSync(place.file("made"), place.file("pb")); // Node removes the path of its own server when it closes.
    await using program = await activated(server, "systemd:domain=UNIX:name=local", "local");
    await using connection = await connect(`unix:${place.file("pb")}`);
    expect(await echo(connection, "hi")).toBe("hi");
    expect(JSON.parse(await program.line())).toEqual({ host: "", port: 0, path: "(inherited)" });
    const exit = once(program.process, "exit");
    program.process.kill("SIGTERM");
    await exit;
    expect(existsSync(place.file("pb"))).toBe(true); // The socket belongs to systemd.
  });

  test("speaks TLS on a UNIX socket, also with several clients at the same time", async () => {
    using place = folder();
    const { key, cert } = new Authority("A test authority").issue("localhost");
    const server = createServer().listen(place.file("made"));
    await once(server, "listening");
    renameSync(place.file("made"), place.file("pb"));
    await using program = await activated(server, "systemd:index=0", "pb", [key, cert]);
    await program.line();
    const over = { type: "unix", path: place.file("pb") } as const;
    const join = () => connect({ type: "tls", host: "localhost", port: 1, over, tls: { verify: false } });
    const connections = await Promise.all(Array.from({ length: 5 }, join));
    expect(await Promise.all(connections.map((connection) => echo(connection, "hi")))).toEqual(Array(5).fill("hi"));
    await Promise.all(connections.map((connection) => connection.close()));
  });
});

describe.runIf(spawnSync("systemd-socket-activate", ["--version"]).status === 0)("systemd-socket-activate", () => {
  test("starts the program at the first connection", async () => {
    using place = folder();
    const path = place.file("pb");
    const wrapper = ["systemd-socket-activate", "--listen", path, "--fdname", "pb"];
    await using _program = new Program("activated.ts", ["systemd:domain=UNIX:name=pb"], {
      wrapper,
      stdio: ["pipe", "pipe", "ignore"],
    });
    let connection: Broker | undefined;
    for (let attempt = 0; connection === undefined && attempt < 200; attempt++) {
      connection = await connect(`unix:${path}`).catch(() => undefined);
      if (connection === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (connection === undefined) throw new Error("The program was not started");
    expect(await echo(connection, "awake")).toBe("awake");
    await connection.close();
  });
});
