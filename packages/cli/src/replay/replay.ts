// `pb replay`: stands in for one end of a recorded connection.

import { openSocket, parseClientEndpoint, parseServerEndpoint } from "@pb/node-transport";
import { createReadStream } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import type { ListenOptions, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { printable } from "@pb/jelly-types";
import { secondsOf } from "../deadline.js";
import { CliError, exitStatus, usageError } from "../errors.js";
import { columnsOf } from "../io.js";
import type { CliIo } from "../io.js";
import { addressText, listening, listenOptions } from "../listening.js";
import { readSecretOf } from "../login.js";
import { readChunks } from "../recording/read-chunks.js";
import { RecordingReader } from "../recording/recording-reader.js";
import { describeDifference, differenceJson } from "./describe.js";
import { LivePeer } from "./live-peer.js";
import { Player } from "./player.js";
import type { Difference } from "./player.js";
import { Script } from "./script.js";

export interface ReplayFlags {
  readonly as: "server" | "client";
  readonly listen?: string;
  readonly to?: string;
  readonly connection?: string;
  readonly strict?: true;
  readonly timing?: true;
  readonly ignore?: readonly string[];
  readonly redact?: readonly string[];
  readonly secretEnv?: string;
  readonly secretFile?: string;
  readonly timeout: string;
  readonly json?: true;
}

/**
 * Replays one connection of a recording with a live peer. The result is the status `different` if the peer does
 * something else than in the recording. Rejects with `CliError`, `EndpointError`, and the error of the connection.
 */
export async function replay(file: string, flags: ReplayFlags, io: CliIo): Promise<number> {
  const answerMs = secondsOf("--timeout", flags.timeout) * 1000;
  const connection = connectionNumber(flags.connection);
  const open = opener(flags, io);
  const chunks = readChunks(createReadStream(file), file, io.signal);
  try {
    const reader = await RecordingReader.open(chunks);
    const script = new Script(reader[Symbol.asyncIterator](), connection);
    const first = await script.next();
    if (first === undefined) throw new CliError("CLI_REPLAY", noMessages(file, connection));
    return await playWith(script.startingWith(first), await open(), answerMs, flags, io);
  } finally {
    await chunks.return(undefined);
  }
}

async function playWith(
  script: Script,
  socket: Duplex,
  answerMs: number,
  flags: ReplayFlags,
  io: CliIo,
): Promise<number> {
  const peer = new LivePeer(socket, flags.as, flags.redact ?? []);
  const player = new Player(script, peer, {
    as: flags.as,
    isStrict: flags.strict === true,
    keepsTiming: flags.timing === true,
    answerMs,
    ignored: new Set(flags.ignore),
    signal: io.signal,
    secret: () => readSecretOf(flags, io),
    warn: (text) => void io.stderr.write(`pb: ${text}\n`),
  });
  try {
    const difference = await player.play();
    if (script.cutOff !== undefined) io.stderr.write(`pb: ${script.cutOff.message}\n`);
    print(player, difference, flags, io);
    return difference === undefined ? exitStatus.success : exitStatus.different;
  } finally {
    peer.destroy();
  }
}

function print({ sent, received }: Player, difference: Difference | undefined, { json }: ReplayFlags, io: CliIo): void {
  if (json === true) {
    const shown = difference === undefined ? "null" : differenceJson(difference);
    io.stdout.write(`{"sent": ${sent}, "received": ${received}, "difference": ${shown}}\n`);
    return;
  }
  const counts = `${sent} messages sent, ${received} received as recorded`;
  io.stdout.write(
    difference === undefined ? `${counts}\n` : `${counts}\n${describeDifference(difference, columnsOf(io.stdout))}\n`,
  );
}

/** How the live peer is reached. Throws `CliError` `CLI_USAGE` and `EndpointError` before anything is opened. */
function opener({ as, listen, to, json }: ReplayFlags, io: CliIo): () => Promise<Duplex> {
  if (as === "client") {
    if (to === undefined || listen !== undefined) throw usageError("--as client needs --to ENDPOINT, and no --listen");
    const endpoint = parseClientEndpoint(to);
    return () => openSocket(endpoint, { signal: io.signal });
  }
  if (listen === undefined || to !== undefined) throw usageError("--as server needs --listen ENDPOINT, and no --to");
  const options = listenOptions(parseServerEndpoint(listen));
  const announce = (place: string): void =>
    void io.stdout.write(json === true ? `{"listening": ${JSON.stringify(place)}}\n` : `listening at ${place}\n`);
  return () => acceptOne(options, announce, io.signal);
}

/** Listens until one client has connected. */
async function acceptOne(
  options: ListenOptions,
  announce: (place: string) => void,
  signal: AbortSignal,
): Promise<Socket> {
  const server = createServer();
  try {
    await listening(server, options);
    announce(addressText(server));
    const [socket] = (await once(server, "connection", { signal })) as [Socket];
    return socket;
  } finally {
    server.close();
  }
}

function connectionNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw usageError(`--connection ${JSON.stringify(text)}: expected the number of a connection, from 1`);
}

function noMessages(file: string, connection: number | undefined): string {
  const which = connection === undefined ? "no connection" : `no connection ${connection}`;
  return `${printable(file)} has ${which} with messages`;
}
