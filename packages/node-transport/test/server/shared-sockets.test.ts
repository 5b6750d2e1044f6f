// Sockets that the program has, that several processes share, and that have no file.

import { once } from "node:events";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Server as SocketServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, test } from "vitest";
import { connect, listen } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { echo, Echo, folder, until } from "../support/echo.js";
import { Program } from "../support/program.js";

async function listening(server: SocketServer, where: object = { port: 0, host: "127.0.0.1" }): Promise<SocketServer> {
  server.listen(where);
  await once(server, "listening");
  return server;
}

function descriptorOf(server: SocketServer): number {
  return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd;
}

describe("a server of the program", () => {
  test("is served, and closed at the end", async () => {
    const own = await listening(createServer());
    const server = await listen(own, new Echo());
    expect(server.port).toBe((own.address() as AddressInfo).port);
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
    expect(await echo(connection, "hi")).toBe("hi");
    await server.close();
    expect(own.listening).toBe(false);
  });

  test("may pause its sockets, and add TLS", async () => {
    const authority = new Authority("An authority");
    const own = await listening(createServer({ pauseOnConnect: true }));
    await using server = await listen(own, new Echo(), { tls: authority.issue("127.0.0.1") });
    await using connection = await connect(`pbs://127.0.0.1:${server.port}`, { tls: { ca: authority.cert } });
    expect(await echo(connection, "hi")).toBe("hi");
  });

  test("may be one of node:tls", async () => {
    const authority = new Authority("An authority");
    await using server = await listen(await listening(createTlsServer(authority.issue("127.0.0.1"))), new Echo());
    await using connection = await connect(`pbs://127.0.0.1:${server.port}`, { tls: { ca: authority.cert } });
    expect(await echo(connection, "hi")).toBe("hi");
    expect([...server.connections][0]!.peer).toMatchObject({ isEncrypted: true });
  });

  test.skipIf(process.platform === "win32")("may listen on a UNIX socket", async () => {
    using place = folder();
    const path = place.file("pb.sock");
    await using server = await listen(await listening(createServer(), { path }), new Echo());
    expect(server.address).toEqual({ host: "", port: 0, path });
    await using connection = await connect(`unix:${path}`);
    expect(await echo(connection, "hi")).toBe("hi");
    expect([...server.connections][0]!.peer.isEncrypted).toBe(true);
  });

  test("must listen, and must not speak HTTP", async () => {
    await expect(listen(createServer(), new Echo())).rejects.toThrow("The server does not listen");
    const web = await listening(createHttpServer());
    await expect(listen(web, new Echo())).rejects.toThrow("An HTTP server cannot serve Perspective Broker");
    web.close();
    const secure = await listening(createTlsServer());
    await expect(listen(secure, new Echo(), { tls: {} })).rejects.toThrow("tls has no effect on a tls.Server");
    await expect(listen(secure, new Echo(), { trustProxies: [] })).rejects.toThrow("trustProxies has no effect");
    secure.close();
  });
});

describe.skipIf(process.platform === "win32")("a descriptor", () => {
  test.each(['{"fd":3}', '{"type":"fd","fd":3}', "fd:3", "fd:fd=3"])("is served with %s", async (endpoint) => {
    const own = await listening(createServer());
    const { port } = own.address() as AddressInfo;
    const stdio = ["pipe", "pipe", "inherit", descriptorOf(own)] as const;
    await using program = new Program("activated.ts", [endpoint], { stdio: [...stdio] });
    own.close();
    expect(JSON.parse(await program.line())).toMatchObject({ port });
    await using connection = await connect(`tcp:127.0.0.1:${port}`);
    expect(await echo(connection, "hi")).toBe("hi");
  });

  test.each([0.5, -1, "3", NaN, null])("%o is refused", async (fd) => {
    await expect(listen({ fd: fd as number }, new Echo())).rejects.toMatchObject({
      code: "ENDPOINT_INVALID",
      part: "fd",
    });
  });

  test("that is not a socket is refused", async () => {
    await expect(listen({ fd: 1_000_000 }, new Echo())).rejects.toMatchObject({ code: "ENDPOINT_INVALID", part: "fd" });
    await expect(listen("fd:x", new Echo())).rejects.toMatchObject({ code: "ENDPOINT_INVALID" });
    await expect(listen("fd:", new Echo())).rejects.toThrow("fd: missing");
  });
});

test.runIf(process.versions.node < "22")("reusePort is refused where Node would ignore it", async () => {
  const objects = [
    { type: "tcp", port: 0, reusePort: true },
    { type: "tls", port: 0, reusePort: true },
  ] as const;
  for (const endpoint of ["tcp:0:reusePort=1", "ssl:0:reusePort=1", "haproxy:tcp:0:reusePort=1", ...objects])
    await expect(listen(endpoint, new Echo())).rejects.toMatchObject({
      code: "ENDPOINT_INVALID",
      part: "reusePort",
      message: expect.stringContaining("Share the port with node:cluster") as string,
    });
  await (await listen("tcp:0:reusePort=0:interface=127.0.0.1", new Echo())).close();
});

describe.runIf(process.platform === "linux")("an abstract UNIX socket", () => {
  const path = `\0pb-test-${process.pid}`;

  test("has no file, and is free when the server has closed", async () => {
    for (const endpoint of [{ type: "unix", path } as const, `unix:${path}`]) {
      const server = await listen(endpoint, new Echo());
      expect(existsSync(path.slice(1))).toBe(false);
      await using connection = await connect({ type: "unix", path });
      expect(await echo(connection, "hi")).toBe("hi");
      expect(connection.peer.description).toBe(`unix:${path.replace("\0", "@")}`);
      await expect(listen(endpoint, new Echo())).rejects.toMatchObject({
        code: "EADDRINUSE",
        message: expect.not.stringContaining("\0") as string,
      });
      await server.close();
    }
    await expect(connect({ type: "unix", path })).rejects.toMatchObject({
      code: "ECONNREFUSED",
      message: expect.stringContaining("@pb-test") as string,
    });
  });

  test.each([
    { mode: 0o600 },
    { lockfile: true },
    { proxied: true },
    { path: "\0a\0b" },
    { path: "/run/a\0b" },
    { path: `\0${"x".repeat(110)}` },
  ])("is refused with %o", async (parts) => {
    await expect(listen({ type: "unix", path, ...parts }, new Echo())).rejects.toMatchObject({
      code: "ENDPOINT_INVALID",
    });
  });
});

describe.skipIf(process.platform === "win32")("the workers of node:cluster share", () => {
  /** The numbers of the workers that answer `count` connections. */
  async function answering(endpoint: string, count: number): Promise<Set<unknown>> {
    const workers = new Set<unknown>();
    for (let index = 0; index < count; index++) {
      await using connection = await connect(endpoint);
      workers.add(await (await connection.getRootObject()).callRemote("worker"));
    }
    return workers;
  }

  async function started(endpoint: string, count = 3): Promise<[Program, string]> {
    const program = new Program("worker.ts", [endpoint, String(count)]);
    const lines = [];
    for (let index = 0; index < count; index++) lines.push(await program.line());
    expect(new Set(lines).size).toBe(1);
    expect(lines[0]).toMatch(/^listening /);
    return [program, lines[0]!.slice("listening ".length)];
  }

  async function stop(program: Program): Promise<void> {
    program.process.stdin!.write("\n");
    expect(await program.line()).toBe("stopped");
  }

  test("a TCP port", async () => {
    const [program, port] = await started("tcp:0:interface=127.0.0.1");
    await using _program = program;
    expect((await answering(`tcp:127.0.0.1:${port}`, 12)).size).toBe(3);
    await stop(program);
    expect((await answering(`tcp:127.0.0.1:${port}`, 12)).size).toBe(2);
  });

  test.each([":lockfile=1", ":lockfile=0"])("a UNIX socket, with %s", async (lockfile) => {
    using place = folder();
    const path = place.file("pb.sock");
    const [program] = await started(`unix:${path}:mode=600${lockfile}`);
    await using _program = program;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await answering(`unix:${path}`, 12)).size).toBe(3);
    await stop(program);
    expect((await answering(`unix:${path}`, 12)).size).toBe(2);
    await stop(program);
    await stop(program);
    expect(existsSync(path)).toBe(false); // The primary process has removed it.
    await (await listen(`unix:${path}`, new Echo())).close();
  });

  test("the path of a dead server", async () => {
    using place = folder();
    const path = place.file("pb.sock");
    {
      const [dead] = await started(`unix:${path}`, 1);
      await using _dead = dead; // Ends with SIGKILL, so that the socket stays.
    }
    // The workers notice that their primary process is gone, and exit.
    await until(
      () =>
        new Promise((resolve) =>
          connectSocket(path)
            .on("error", () => resolve(true))
            .on("connect", () => resolve(false)),
        ),
      "it is dead",
    );
    expect(existsSync(path)).toBe(true);
    const [program] = await started(`unix:${path}`);
    await using _program = program;
    expect((await answering(`unix:${path}`, 12)).size).toBe(3);
  });

  test("no path of a living server, and no file", async () => {
    using place = folder();
    const path = place.file("pb.sock");
    await using living = await listen(`unix:${path}`, new Echo());
    const program = new Program("worker.ts", [`unix:${path}`, "2"]);
    await using _program = program;
    for (let index = 0; index < 2; index++) expect(await program.line()).toMatch(/listens there|has locked it/);
    await using connection = await connect(`unix:${path}`);
    expect(await echo(connection, "still")).toBe("still");
    expect(living.connections.size).toBe(1);
    const file = place.file("file");
    writeFileSync(file, "");
    await using other = new Program("worker.ts", [`unix:${file}`, "1"]);
    expect(await other.line()).toMatch(/is not a socket/);
  });
});
