// Twisted over TCP, UNIX sockets and TLS, as a server and as a client.

import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { describe, expect, inject, test } from "vitest";
import { Referenceable } from "@pb/broker";
import type { Broker, RemoteReference } from "@pb/broker";
import { connect, listen } from "@pb/node-transport";
import type { Server } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { speaksTls, twistedServer, TwistedPeer } from "./twisted-peer.js";
import { Echo, folder, until } from "../support/echo.js";

const authority = new Authority("A test authority");
const certificate = authority.issue("localhost");

/** The root object that `client.py` calls. */
class Counterpart extends Echo {
  async remote_callBack(reference: RemoteReference<Echo>, value: unknown): Promise<unknown> {
    return reference.callRemote("echo", value);
  }

  remote_fail(text: string): never {
    throw new Error(text);
  }
}

class Mine extends Referenceable {
  remote_echo(value: unknown): unknown {
    return value;
  }
}

async function callEverything(connection: Broker): Promise<void> {
  const root = await connection.getRootObject();
  expect(await root.callRemote("echo", ["text", 1.5, { key: null }])).toEqual(["text", 1.5, { key: null }]);
  const calls = Array.from({ length: 500 }, (_, index) => root.callRemote("add", index, 1));
  expect(await Promise.all(calls)).toEqual(calls.map((_, index) => index + 1));
  expect(await root.callRemote("call_back", new Mine(), "there and back")).toBe("there and back");
  await expect(root.callRemote("fail", "on purpose")).rejects.toThrow("on purpose");
  const large = "x".repeat(600_000);
  expect(await root.callRemote("echo", large)).toBe(large);
  expect(await connection.ping()).toBeGreaterThan(0);
}

/** Waits until `client.py` has succeeded and disconnected. */
async function expectSuccess(client: TwistedPeer, server: Server): Promise<void> {
  expect(await client.nextLine()).toBe("ok");
  await until(() => server.connections.size === 0, "the client has disconnected");
}

describe.skipIf(process.platform === "win32")("Twisted", () => {
  describe.for(inject("twisteds"))("$version", (twisted) => {
    test("serves a client over TCP and logs neither pings nor keepalives", async () => {
      await using server = await twistedServer(twisted, "tcp:0:interface=127.0.0.1");
      await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
      await callEverything(connection);
      const { log } = server;
      connection.keepAlive();
      for (let count = 0; count < 10; count++) await connection.ping();
      connection.keepAlive();
      await callEverything(connection);
      expect(server.log).toBe(log);
      expect(log).not.toContain("Traceback");
    });

    test("calls a server over TCP", async () => {
      await using server = await listen("tcp:0:interface=127.0.0.1", new Counterpart());
      await using client = new TwistedPeer(twisted, "client", `tcp:127.0.0.1:${server.port}`);
      await expectSuccess(client, server);
    });

    test("serves a client over a UNIX socket", async () => {
      using place = folder();
      await using _server = await twistedServer(twisted, `unix:${place.file("pb")}:mode=600`);
      await using connection = await connect(`unix:${place.file("pb")}`);
      await callEverything(connection);
    });

    test("calls a server over a UNIX socket", async () => {
      using place = folder();
      await using server = await listen(`unix:${place.file("pb")}`, new Counterpart());
      await using client = new TwistedPeer(twisted, "client", `unix:${place.file("pb")}`);
      await expectSuccess(client, server);
    });

    test("respects lock files of UNIX sockets, and its own are respected", async () => {
      using place = folder();
      const endpoint = `unix:${place.file("pb")}`;
      const twistedPeer = await twistedServer(twisted, endpoint);
      await expect(listen(endpoint, new Echo())).rejects.toMatchObject({ code: "EADDRINUSE" });
      await twistedPeer[Symbol.asyncDispose](); // The process is killed, so that its socket and its lock file remain.
      await using _server = await listen(endpoint, new Echo());
      const late = new TwistedPeer(twisted, "server", endpoint);
      await until(() => late.log.includes("CannotListenError"), "Twisted finds the path in use");
      await late[Symbol.asyncDispose]();
    });

    describe.runIf(speaksTls(twisted))("with pyOpenSSL", () => {
      test("serves a client over TLS", async () => {
        using place = folder();
        writeFileSync(place.file("key.pem"), certificate.key);
        writeFileSync(place.file("cert.pem"), certificate.cert);
        const files = `privateKey=${place.file("key.pem")}:certKey=${place.file("cert.pem")}`;
        await using server = await twistedServer(twisted, `ssl:0:interface=127.0.0.1:${files}`);
        await using connection = await connect(`tls:localhost:${server.port}`, { tls: { ca: authority.cert } });
        await callEverything(connection);
        await expect(connect(`tls:localhost:${server.port}`)).rejects.toMatchObject({ code: "CONNECT_TLS_UNTRUSTED" });
      });

      test("calls a server over TLS", async () => {
        using place = folder();
        mkdirSync(place.file("ca"));
        writeFileSync(place.file("ca/authority.pem"), authority.cert);
        await using server = await listen("pbs://127.0.0.1:0", new Counterpart(), { tls: certificate });
        const endpoint = `tls:localhost:${server.port}:trustRoots=${place.file("ca")}`;
        await using client = new TwistedPeer(twisted, "client", endpoint);
        await expectSuccess(client, server);
      });
    });

    // Does not need pyOpenSSL: another program speaks TLS, as stunnel or a load balancer does.
    describe("behind a TLS terminator", () => {
      test("serves a client", async () => {
        await using server = await twistedServer(twisted, "tcp:0:interface=127.0.0.1");
        const terminator = createTlsServer(certificate, (socket) => {
          const inner = connectSocket(server.port, "127.0.0.1");
          socket
            .pipe(inner)
            .pipe(socket)
            .on("error", () => inner.destroy());
        });
        terminator.listen(0, "127.0.0.1");
        await once(terminator, "listening");
        const { port } = terminator.address() as AddressInfo;
        await using connection = await connect(`tls:localhost:${port}`, { tls: { ca: authority.cert } });
        await callEverything(connection);
        terminator.close();
      });

      test("calls a server", async () => {
        await using server = await listen("pbs://127.0.0.1:0", new Counterpart(), { tls: certificate });
        const wrapper = createServer((socket) => {
          const { cert: ca } = authority;
          const outer = connectTls({ port: server.port, host: "127.0.0.1", servername: "localhost", ca });
          socket
            .pipe(outer)
            .pipe(socket)
            .on("error", () => outer.destroy());
        });
        wrapper.listen(0, "127.0.0.1");
        await once(wrapper, "listening");
        const { port } = wrapper.address() as AddressInfo;
        await using client = new TwistedPeer(twisted, "client", `tcp:127.0.0.1:${port}`);
        await expectSuccess(client, server);
        wrapper.close();
      });
    });
  });
});
