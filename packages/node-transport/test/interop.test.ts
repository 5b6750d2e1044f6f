// Live Twisted over TCP, UNIX sockets and TLS, as a server and as a client.

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
import { Authority } from "./certificates.js";
import { speaksTls, twistedServer, TwistedPeer } from "./peers/peers.js";
import { Echo, folder, until } from "./worlds.js";

const authority = new Authority("A test authority");
const certificate = authority.issue("localhost");

/** What Twisted's client calls. */
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

async function converse(connection: Broker): Promise<void> {
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

/** Twisted's client says that all went well, and nothing is left. */
async function satisfied(client: TwistedPeer, server: Server): Promise<void> {
  expect(await client.line()).toBe("ok");
  await until(() => server.connections.size === 0, "the client is gone");
}

describe.skipIf(process.platform === "win32")("Twisted", () => {
  describe.for(inject("twisteds"))("$version", (twisted) => {
    test("serves us over TCP, and neither pings nor keepalives make a line in its log", async () => {
      await using server = await twistedServer(twisted, "tcp:0:interface=127.0.0.1");
      await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
      await converse(connection);
      const { log } = server;
      connection.keepAlive();
      for (let count = 0; count < 10; count++) await connection.ping();
      connection.keepAlive();
      await converse(connection);
      expect(server.log).toBe(log);
      expect(log).not.toContain("Traceback");
    });

    test("calls us over TCP", async () => {
      await using server = await listen("tcp:0:interface=127.0.0.1", new Counterpart());
      await using client = new TwistedPeer(twisted, "client", `tcp:127.0.0.1:${server.port}`);
      await satisfied(client, server);
    });

    test("serves us over a UNIX socket", async () => {
      using place = folder();
      await using _server = await twistedServer(twisted, `unix:${place.file("pb")}:mode=600`);
      await using connection = await connect(`unix:${place.file("pb")}`);
      await converse(connection);
    });

    test("calls us over a UNIX socket", async () => {
      using place = folder();
      await using server = await listen(`unix:${place.file("pb")}`, new Counterpart());
      await using client = new TwistedPeer(twisted, "client", `unix:${place.file("pb")}`);
      await satisfied(client, server);
    });

    test("and we respect each other's locks on a path", async () => {
      using place = folder();
      const endpoint = `unix:${place.file("pb")}`;
      const theirs = await twistedServer(twisted, endpoint);
      await expect(listen(endpoint, new Echo())).rejects.toMatchObject({ code: "EADDRINUSE" });
      await theirs[Symbol.asyncDispose](); // killed: its socket and its lock stay behind
      await using _ours = await listen(endpoint, new Echo());
      const late = new TwistedPeer(twisted, "server", endpoint);
      await until(() => late.log.includes("CannotListenError"), "Twisted sees that the path is taken");
      await late[Symbol.asyncDispose]();
    });

    describe.runIf(speaksTls(twisted))("with pyOpenSSL", () => {
      test("serves us over TLS", async () => {
        using place = folder();
        writeFileSync(place.file("key.pem"), certificate.key);
        writeFileSync(place.file("cert.pem"), certificate.cert);
        const files = `privateKey=${place.file("key.pem")}:certKey=${place.file("cert.pem")}`;
        await using server = await twistedServer(twisted, `ssl:0:interface=127.0.0.1:${files}`);
        await using connection = await connect(`tls:localhost:${server.port}`, { tls: { ca: authority.cert } });
        await converse(connection);
        await expect(connect(`tls:localhost:${server.port}`)).rejects.toMatchObject({ code: "TLS_UNTRUSTED" });
      });

      test("calls us over TLS", async () => {
        using place = folder();
        mkdirSync(place.file("ca"));
        writeFileSync(place.file("ca/authority.pem"), authority.cert);
        await using server = await listen("pbs://127.0.0.1:0", new Counterpart(), { tls: certificate });
        const endpoint = `tls:localhost:${server.port}:trustRoots=${place.file("ca")}`;
        await using client = new TwistedPeer(twisted, "client", endpoint);
        await satisfied(client, server);
      });
    });

    // Everywhere: with somebody else's TLS in between, as behind stunnel or a load balancer.
    describe("behind a TLS terminator", () => {
      test("serves us", async () => {
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
        await converse(connection);
        terminator.close();
      });

      test("calls us", async () => {
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
        await satisfied(client, server);
        wrapper.close();
      });
    });
  });
});
