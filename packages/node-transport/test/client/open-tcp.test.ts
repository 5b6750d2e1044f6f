// Host names with several addresses, and names that are not in ASCII.

import { spawn } from "node:child_process";
import { once } from "node:events";
import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { connect as connectSocket } from "node:net";
import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { connect, listen, parseClientEndpoint } from "@pb/node-transport";
import { Authority } from "../support/certificates.js";
import { echo, Echo, sleep, until } from "../support/echo.js";

/** From now on, every name has these addresses. */
function resolveTo(...addresses: string[]): void {
  const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  vi.spyOn(dns, "lookup").mockImplementation(((
    _name: string,
    { family }: { family: number },
    done: (...results: unknown[]) => void,
  ) => {
    const wanted = found.filter((entry) => family === 0 || entry.family === family);
    setImmediate(() => (wanted.length === 0 ? done(new Error("ENOTFOUND")) : done(null, wanted)));
  }) as unknown as typeof dns.lookup);
  syncBuiltinESMExports();
}

afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
});

/**
 * A program that listens and does not accept: new connections hang until it continues, because its queue is full.
 */
async function hanging(host: string): Promise<{ port: number; resume(): void } & Disposable> {
  const code = `require("net").createServer().listen({ port: 0, host: "${host}", backlog: 1 }, function () {
    console.log(this.address().port);
  });`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  const port = Number(line.toString());
  child.kill("SIGSTOP");
  const fillers: Socket[] = [];
  for (let isFull = false; !isFull;) {
    const socket = connectSocket({ host, port }).on("error", () => undefined);
    fillers.push(socket);
    await Promise.race([once(socket, "connect"), sleep(300)]);
    await turn(); // After a long pause of this process, the timer comes before the event.
    isFull = socket.connecting;
  }
  return {
    port,
    resume: () => {
      for (const socket of fillers) socket.destroy();
      child.kill("SIGCONT");
    },
    [Symbol.dispose]: () => {
      for (const socket of fillers) socket.destroy();
      child.kill("SIGKILL");
    },
  };
}

describe.skipIf(process.platform !== "linux")("a host with several addresses", () => {
  test("is reached at the second one if the first refuses", async () => {
    await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
    for (const addresses of [
      ["::1", "127.0.0.1"],
      ["127.0.0.1", "::1"],
      ["127.0.0.9", "127.0.0.8", "::1", "127.0.0.1"],
    ]) {
      resolveTo(...addresses);
      await using connection = await connect(`tcp:localhost:${server.port}`);
      expect(await echo(connection, "hi")).toBe("hi");
    }
  });

  test("is reached at the second one if the first hangs", async () => {
    using first = await hanging("127.0.0.2");
    await using server = await listen(`tcp:${first.port}:interface=127.0.0.1`, new Echo());
    resolveTo("127.0.0.2", "127.0.0.1");
    await using connection = await connect(`tcp:service:${server.port}`);
    expect(connection.peer.address).toBe("127.0.0.1");
  });

  test("is reached at the first one, although that is slow and the second refuses", async () => {
    using first = await hanging("127.0.0.2");
    resolveTo("127.0.0.2", "127.0.0.1");
    const attempt = connect(`tcp:service:${first.port}`, { broker: { limits: { negotiationMs: 1 } } });
    const settled = attempt.catch((error: unknown) => error);
    await sleep(400); // More than the 250 ms after which the second address is tried.
    first.resume();
    // Connected: the program that listens there does not speak the protocol.
    expect(await settled).toMatchObject({ reason: "negotiation" });
  });

  test("has connectMs for all addresses together, and the look-up", async () => {
    using first = await hanging("127.0.0.2");
    resolveTo("127.0.0.2", "127.0.0.2", "127.0.0.2", "127.0.0.2");
    const start = performance.now();
    await expect(connect(`tcp:service:${first.port}`, { connectMs: 600 })).rejects.toMatchObject({
      code: "CONNECT_TIMEOUT",
      message: `tcp:service:${first.port}: The connection was not accepted within 600 ms`,
    });
    expect(performance.now() - start).toBeGreaterThanOrEqual(599);
    vi.spyOn(dns, "lookup").mockImplementation(() => undefined);
    syncBuiltinESMExports();
    await expect(connect("tcp:service:1", { connectMs: 20 })).rejects.toMatchObject({ code: "CONNECT_TIMEOUT" });
  });

  test("has the timeout of its endpoint rather than connectMs", async () => {
    vi.spyOn(dns, "lookup").mockImplementation(() => undefined);
    syncBuiltinESMExports();
    const endpoint = { type: "tcp", host: "service", port: 1, timeoutMs: 20 } as const;
    const message = "tcp:service:1: The connection was not accepted within 20 ms";
    await expect(connect(endpoint, { connectMs: 60_000 })).rejects.toMatchObject({ code: "CONNECT_TIMEOUT", message });
  });

  test("stops all attempts when the signal aborts", async () => {
    using first = await hanging("127.0.0.2");
    resolveTo("127.0.0.2", "127.0.0.2");
    const reason = new Error("enough");
    const controller = new AbortController();
    const attempt = connect(`tcp:service:${first.port}`, { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 300);
    await expect(attempt).rejects.toBe(reason);
  });

  test("is reported with all errors, and the code of the first", async () => {
    resolveTo("127.0.0.1", "127.0.0.2");
    await expect(connect("tcp:service:1")).rejects.toMatchObject({
      code: "ECONNREFUSED",
      message:
        "tcp:service:1: No server listens there (connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED 127.0.0.2:1)",
      cause: { cause: expect.any(AggregateError) as unknown },
    });
  });

  test("is only tried at addresses of the family of the own address", async () => {
    await using server = await listen("tcp:0:interface=127.0.0.1", new Echo());
    resolveTo("::1", "127.0.0.1");
    await using connection = await connect(`tcp:service:${server.port}:bindAddress=127.0.0.3`);
    expect([...server.connections][0]!.peer.address).toBe("127.0.0.3");
    expect(connection.isOpen).toBe(true);
  });

  test("leaves no connection open besides the one it returns", async () => {
    await using server = await listen("tcp:0:interface=0.0.0.0", new Echo());
    resolveTo("127.0.0.1", "127.0.0.2", "127.0.0.3");
    const connections = await Promise.all(Array.from({ length: 20 }, () => connect(`tcp:service:${server.port}`)));
    await until(() => server.connections.size === 20, "all are accepted");
    await Promise.all(connections.map((connection) => connection.close()));
    await until(() => server.connections.size === 0, "all are closed");
  });
});

describe("an internationalized name", () => {
  /** "localhost" in full-width letters, which are those of ASCII after the conversion (RFC 5895). */
  const localhost = "ｌｏｃａｌｈｏｓｔ";

  test.for([`tcp:${localhost}:`, `pb://${localhost}:`, `tcp:host=${localhost}:port=`])(
    "is converted in %s",
    async (prefix) => {
      await using server = await listen("tcp:0", new Echo());
      await using connection = await connect(`${prefix}${server.port}`);
      expect(await echo(connection, "hi")).toBe("hi");
    },
  );

  test("is converted for TLS, where the certificate must contain the name in ASCII", async () => {
    const authority = new Authority("An authority");
    const tls = { ca: authority.cert };
    const names = { names: ["localhost", "xn--bcher-kva.example"] };
    await using server = await listen("pbs://*:0", new Echo(), { tls: authority.issue("localhost", names) });
    await (await connect(`pbs://${localhost}:${server.port}`, { tls })).close();
    const endpoint = { type: "tls", host: localhost, port: server.port } as const;
    await (await connect(endpoint, { tls: { ...tls, serverName: "bücher.example" } })).close();
    await expect(connect(endpoint, { tls: { ...tls, serverName: "müller.example" } })).rejects.toMatchObject({
      code: "CONNECT_TLS_WRONG_NAME",
      message: expect.stringContaining("xn--mller-kva.example") as string,
    });
  });

  test("is converted in the interface of a server", async () => {
    await using server = await listen({ type: "tcp", port: 0, interface: localhost }, new Echo());
    await (await connect(`tcp:localhost:${server.port}`)).close();
  });

  test("is kept as it is in the endpoint, and in ASCII where it is looked up", async () => {
    expect(parseClientEndpoint("pb://bücher.example")).toMatchObject({ host: "bücher.example" });
    const lookup = vi
      .spyOn(dns, "lookup")
      .mockImplementation(((_name: string, _options: object, done: (error: Error) => void) =>
        setImmediate(() => done(Object.assign(new Error("no"), { code: "ENOTFOUND" })))) as never);
    syncBuiltinESMExports();
    for (const host of ["bücher.example", "BÜCHER.example", "bücher。example"])
      await expect(connect({ type: "tcp", host, port: 1 })).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(new Set(lookup.mock.calls.map(([name]) => name))).toEqual(new Set(["xn--bcher-kva.example"]));
  });

  test.for(["tcp:a\u0000b:1", "tcp:bü cher.example:1", "tcp:ü%:1", "pb://b%FFcher.example"])(
    "that does not exist, %s, is refused",
    async (endpoint) => {
      await expect(connect(endpoint)).rejects.toMatchObject({ code: "ENDPOINT_INVALID" });
    },
  );
});
