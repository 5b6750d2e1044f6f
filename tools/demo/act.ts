// One act of the demo: runs a server and a client as two processes and checks their reports against the script.

import { isDeepStrictEqual } from "node:util";
import { fileURLToPath } from "node:url";
import { Program } from "../process/program.js";
import type { Command } from "../process/program.js";
import { pythonEnvironment } from "../twisted/twisted.js";
import { script } from "./script.js";
import type { Report, Step } from "./script.js";
import { openWireTap } from "./wire-tap.js";

/** The client gets the port as its last argument. */
export type Commands = Readonly<Record<"server" | "client", Command>>;

/** The bytes of the connection, in each direction. */
export interface Recording {
  readonly fromClient: Uint8Array;
  readonly fromServer: Uint8Array;
}

const cwd = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Runs the script and calls `onStep` after each step. Rejects when a program reports something else, fails, or exits
 * early. `timeoutMs` only ends an act that hangs.
 */
export async function playAct(
  commands: Commands,
  onStep: (step: Step) => void,
  timeoutMs = 300_000,
): Promise<Recording> {
  const options = { cwd, env: pythonEnvironment(), timeoutMs };
  await using server = new Program("the server", commands.server, options);
  const [event, port] = await server.nextJson<Report>();
  if (event !== "listening" || typeof port !== "number") {
    throw await unexpected(server, ["listening", "<port>"], [event, port]);
  }
  await using tap = await openWireTap(port);
  await using client = new Program("the client", [...commands.client, String(tap.port)], options);
  for (const [index, step] of script.entries()) {
    const program = step.direction === "server" ? server : client;
    const clientHasMore = script.slice(index).some(({ direction }) => direction !== "server");
    const next = program.nextJson<Report>();
    const report = await (program === client ? next : Promise.race([next, exitOf(client, clientHasMore)]));
    if (!isDeepStrictEqual(report, step.report)) throw await unexpected(program, step.report, report);
    onStep(step);
  }
  if ((await client.exit) !== 0) throw await client.failure("failed");
  const expectedLines = script.filter(({ direction }) => direction !== "server").length;
  if (client.stdout.split("\n").length > expectedLines + 1) throw await client.failure("also reported other events");
  return { fromClient: Buffer.concat(tap.fromClient), fromServer: Buffer.concat(tap.fromServer) };
}

/** Rejects when the client fails, or exits although it `hasMore` to report. Otherwise never settles. */
async function exitOf(client: Program, hasMore: boolean): Promise<never> {
  if ((await client.exit) !== 0 || hasMore) throw await client.failure("exited early");
  return new Promise(() => undefined);
}

function unexpected(program: Program, expected: Report, actual: Report): Promise<Error> {
  return program.failure(`must report ${JSON.stringify(expected)}, but reported ${JSON.stringify(actual)}`);
}
