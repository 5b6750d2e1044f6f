// Servers that are restarted while clients call them: no call has an unknown outcome, and none runs twice.

import { encode, pb } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { listen } from "@pb/node-transport";
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "../../../../tools/process/ports.js";
import { Echo, until } from "../support/echo.js";
import { Program } from "../support/program.js";
import { Load, noMistakes } from "../support/restart-load.js";
import type { Report } from "../support/restart-load.js";

const CLIENTS = 100;
const RESTARTS = 3;

test(`${RESTARTS} restarts under the load of ${CLIENTS} reconnecting clients lose no call`, async () => {
  const port = await freePort();
  const endpoint = `tcp:${port}:interface=127.0.0.1`;
  const reports: Report[] = [];
  const start = async (): Promise<Program> => {
    const program = new Program("restarted.ts", [endpoint]);
    await program.line();
    return program;
  };
  let server = await start();
  const load = new Load(`tcp:127.0.0.1:${port}`, CLIENTS);
  for (let restart = 0; restart <= RESTARTS; restart++) {
    await load.proceed();
    if (restart === RESTARTS) await load.stop();
    server.process.kill("SIGTERM");
    // The next server listens while the last one still drains.
    const next = restart < RESTARTS ? await start() : undefined;
    reports.push(JSON.parse(await server.line()) as Report);
    await server[Symbol.asyncDispose]();
    if (next !== undefined) server = next;
  }
  expect(load.mistakes(reports)).toEqual(noMistakes);
});

describe("close({ drainMs }) ends in time", () => {
  /** A peer that is not told when to stop: it speaks the protocol byte by byte. */
  async function rawPeer(port: number): Promise<Socket> {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    onTestFinished(() => void socket.destroy());
    await once(socket, "data"); // The dialects that the server offers.
    socket.write(encode(text("pb")));
    for (let id = 1; id <= 20; id++) socket.write(echoCall(id, new Uint8Array(600_000)));
    return socket;
  }

  const text = (word: string): Uint8Array => new TextEncoder().encode(word);

  function echoCall(id: number, argument: Expression): Uint8Array {
    const [args, kwargs] = [[text("tuple"), argument], [text("dictionary")]];
    return encode([text("message"), id, text("root"), text("echo"), 1, args, kwargs], { dialect: pb });
  }

  const peers: Readonly<Record<string, (socket: Socket) => void>> = {
    "reads nothing": (socket) => socket.pause(),
    "reads a byte now and then": (socket) => {
      socket.pause();
      const reading = setInterval(() => socket.read(1), 20);
      onTestFinished(() => clearInterval(reading));
    },
    "calls without end": (socket) => {
      socket.resume();
      const calling = setInterval(() => socket.write(echoCall(99, 1)), 5);
      onTestFinished(() => clearInterval(calling));
    },
    "never closes its side": (socket) => void socket.resume(),
  };

  test.each(Object.keys(peers))("with a peer that %s", async (name) => {
    const server = await listen("tcp:0:interface=127.0.0.1", new Echo(), { liveness: false });
    const socket = await rawPeer(server.port);
    peers[name]!(socket);
    const [connection] = [...server.connections];
    await until(() => connection!.stats().bytesReceived > 600_000, "calls arrived");
    const start = performance.now();
    await server.close({ drainMs: 1000 });
    // Its own timers end it at 1 s. Without them, it takes 10 s or more, or does not end.
    expect(performance.now() - start).toBeLessThan(8000);
  });
});
