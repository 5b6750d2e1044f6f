// Two servers behind Debian's haproxy and nginx: headers of the PROXY protocol, health checks and rolling restarts.

import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import type { Peer } from "@pb/broker";
import { connect, listen, ServerBusyError } from "@pb/node-transport";
import type { ListenOptions, Server, ServerEvent } from "@pb/node-transport";
import { Echo, echo } from "../../../packages/node-transport/test/support/echo.js";
import { Program } from "../../../packages/node-transport/test/support/program.js";
import { Load, noMistakes } from "../../../packages/node-transport/test/support/restart-load.js";
import type { Report } from "../../../packages/node-transport/test/support/restart-load.js";
import { freePort } from "../../process/ports.js";
import { Program as AnyProgram, until } from "../../process/program.js";
import { pythonEnvironment } from "../../twisted/twisted.js";
import { BEHIND, hasHaproxy, hasNginxStream, startHaproxy, startNginxStream } from "./balancer.js";
import type { Balancer } from "./balancer.js";

const isThere = { haproxy: hasHaproxy(), nginx: hasNginxStream() };

test("CI has the balancers", () => {
  expect(process.env.CI !== "true" || (isThere.haproxy && isThere.nginx)).toBe(true);
});

describe.skipIf(!isThere.haproxy).each([1, 2] as const)("behind haproxy, with headers of version %i", (version) => {
  let ports: [number, number];
  let haproxy: Balancer;
  beforeAll(async () => {
    ports = [await freePort(), await freePort()];
    haproxy = await startHaproxy(ports, version);
  });
  afterAll(() => haproxy[Symbol.asyncDispose]());

  const from = (address: string): string => `${haproxy.endpoint}:bindAddress=${address}`;

  /** Two servers, one at an endpoint for proxies only. Resolves when haproxy uses both. */
  async function serve(options: ListenOptions = {}): Promise<{ servers: Server[]; events: ServerEvent[][] }> {
    const events: ServerEvent[][] = [[], []];
    const where = ports.map((port) => `tcp:${port}:interface=${BEHIND}`) as [string, string];
    const servers = await Promise.all([
      listen(`haproxy:${where[0]}`, new Echo(), { ...options, onEvent: (event) => events[0]!.push(event) }),
      listen(where[1], new Echo(), {
        ...options,
        trustProxies: ["127.0.0.1"],
        onEvent: (event) => events[1]!.push(event),
      }),
    ]);
    onTestFinished(async () => {
      await Promise.all(servers.map((server) => server.destroy()));
    });
    // The second check comes after haproxy has got the result of the first one.
    const isChecked = (of: readonly ServerEvent[]): boolean => of.filter(({ kind }) => kind === "probe").length > 1;
    await until(() => events.every(isChecked), "haproxy to check both servers");
    return { servers, events };
  }

  test("servers know the addresses of clients, and health checks are no failures", async () => {
    const { servers, events } = await serve();
    await using one = await connect(from("127.0.0.2"));
    await using other = await connect(from("127.0.0.3"));
    expect(await Promise.all([echo(one, 1), echo(other, 2)])).toEqual([1, 2]);
    const peers = servers.flatMap(clientsOf);
    expect(peers.map(({ address }) => address).sort()).toEqual(["127.0.0.2", "127.0.0.3"]);
    for (const { description } of peers) expect(description).toMatch(/^tcp:127\.0\.0\.[23]:\d+ via tcp:127\.0\.0\.1:/);
    const kinds = events.flat().map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind !== "probe")).toEqual(["connection", "connection"]);
  });

  test("limits count clients, not haproxy", async () => {
    await serve({ limits: { connectionsPerAddress: 1 } });
    await using one = await connect(from("127.0.0.2"));
    await using other = await connect(from("127.0.0.2")); // Goes to the other server, which has fewer connections.
    await using third = await connect(from("127.0.0.3"));
    expect(await Promise.all([one, other, third].map((connection) => echo(connection, 1)))).toEqual([1, 1, 1]);
    await expect(connect(from("127.0.0.2"))).rejects.toBeInstanceOf(ServerBusyError);
  });

  test("whoever is no trusted proxy cannot claim an address", async () => {
    const { servers, events } = await serve({ trustProxies: ["127.0.0.1"] });
    const direct = (index: number): string => `tcp:${BEHIND}:${ports[index]!}:bindAddress=127.0.0.9`;
    await expect(connect(direct(0))).rejects.toMatchObject({ code: expect.any(String) as string });
    const isRefused = (event: ServerEvent): boolean => event.kind === "failed" && event.peer.includes("127.0.0.9");
    await until(() => events[0]!.some(isRefused), "the first server to refuse it");
    await using client = await connect(direct(1)); // This server also has clients without a proxy.
    expect(await echo(client, 1)).toBe(1);
    expect(clientsOf(servers[1]!).map(({ address }) => address)).toEqual(["127.0.0.9"]);
  });

  const twisteds = inject("twisteds");
  test.skipIf(twisteds.length === 0)("Twisted's haproxy: endpoint knows the same address", async () => {
    const { python } = twisteds[version % twisteds.length]!;
    const endpoint = `haproxy:tcp:${ports[0]}:interface=${BEHIND}`;
    const command = [python, "tools/e2e/balancers/peer_address.py", endpoint] as const;
    await using twisted = new AnyProgram("Twisted", command, { env: pythonEnvironment() });
    await twisted.nextLine();
    // Until haproxy has noticed that the server is there, it closes connections.
    let connection: Awaited<ReturnType<typeof connect>> | undefined;
    await until(async () => {
      connection = await connect(from("127.0.0.4")).catch(() => undefined);
      return connection !== undefined;
    }, "haproxy to use Twisted");
    await using client = connection!;
    expect(await (await client.getRootObject()).callRemote("address")).toBe("127.0.0.4");
  });
});

describe("a rolling restart of both servers loses no call", () => {
  test.skipIf(!isThere.haproxy)("behind haproxy", () => rollingRestart((ports) => startHaproxy(ports, 2)));
  test.skipIf(!isThere.nginx)("behind nginx", () => rollingRestart(startNginxStream));
});

/** The peers of a server, without a health check that has not ended. */
function clientsOf({ connections }: Server): Peer[] {
  return [...connections].map(({ peer }) => peer).filter(({ address }) => address !== undefined);
}

/** Restarts one server after the other, while clients call without a pause. */
async function rollingRestart(startBalancer: (ports: readonly number[]) => Promise<Balancer>): Promise<void> {
  const ports = [await freePort(), await freePort()];
  const start = async (port: number): Promise<Program> => {
    const program = new Program("restarted.ts", [`haproxy:tcp:${port}:interface=${BEHIND}`]);
    await program.line();
    return program;
  };
  const reports: Report[] = [];
  const stop = async (program: Program): Promise<void> => {
    program.process.kill("SIGTERM");
    reports.push(JSON.parse(await program.line()) as Report);
    await program[Symbol.asyncDispose]();
  };
  const servers = await Promise.all(ports.map(start));
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  });
  await using balancer = await startBalancer(ports);
  const load = new Load(balancer.endpoint, 20);
  for (const [index, port] of ports.entries()) {
    await load.proceed();
    await stop(servers[index]!);
    servers[index] = await start(port);
  }
  await load.proceed();
  await load.stop();
  await Promise.all(servers.map(stop));
  expect(load.mistakes(reports)).toEqual(noMistakes);
}
