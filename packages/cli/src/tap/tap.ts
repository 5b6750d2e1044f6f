// `pb tap`: a proxy that passes bytes on unchanged, and shows what they mean.

import { openSocket, parseClientEndpoint, parseServerEndpoint } from "@pb/node-transport";
import type { ClientEndpoint } from "@pb/node-transport";
import { setMaxListeners } from "node:events";
import { createServer } from "node:net";
import type { ListenOptions, Socket } from "node:net";
import { resolve } from "node:path";
import type { Duplex } from "node:stream";
import { printable } from "@pb/jelly-types";
import { codeOf, exitStatus, usageError } from "../errors.js";
import { describeFailure } from "../failure.js";
import type { CliIo } from "../io.js";
import { addressText, listening, listenOptions } from "../listening.js";
import { RECORDING_VERSION } from "../recording/format.js";
import { DecoderThread } from "./decoder-thread.js";
import { Relay } from "./relay.js";

export interface TapFlags {
  readonly listen: string;
  readonly to: string;
  readonly output?: string;
  readonly json?: true;
  readonly quiet?: true;
  readonly redact?: readonly string[];
  readonly inspect?: true;
}

/** Runs until the signal of `io` aborts. Rejects with `CliError`, or `EndpointError` for an endpoint that is none. */
export async function tap(flags: TapFlags, version: string, io: CliIo): Promise<number> {
  const target = parseClientEndpoint(flags.to);
  const listenAt = listenOptions(parseServerEndpoint(flags.listen));
  if (isSamePlace(listenAt, target)) {
    throw usageError(`--listen and --to are the same place, ${printable(flags.to)}: pb tap would connect to itself`);
  }
  const decoder = new DecoderThread(io);
  try {
    await runTap(flags, { target, listenAt, version, io, decoder });
  } finally {
    await decoder.stop();
  }
  return exitStatus.success;
}

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i;
const EVERYWHERE = /^(0\.0\.0\.0|::)$/;

/** Whether a connection to the target would reach the tap, as far as their names tell. */
function isSamePlace({ port, host, path }: ListenOptions, target: ClientEndpoint): boolean {
  if (target.type === "unix") return path !== undefined && resolve(path) === resolve(target.path);
  if (host === undefined || port !== target.port) return false;
  return host === target.host || (LOOPBACK.test(target.host) && (LOOPBACK.test(host) || EVERYWHERE.test(host)));
}

interface Tap {
  readonly target: ClientEndpoint;
  readonly listenAt: ReturnType<typeof listenOptions>;
  readonly version: string;
  readonly io: CliIo;
  readonly decoder: DecoderThread;
}

async function runTap(flags: TapFlags, { target, listenAt, version, io, decoder }: Tap): Promise<void> {
  const startMs = performance.now();
  const now = (): number => performance.now() - startMs;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const connections = new Set<Promise<void>>();
  const started = { started: new Date().toISOString(), listen: flags.listen, target: flags.to };
  const settings = {
    ...{ output: flags.output, redact: flags.redact ?? [], inspect: flags.inspect === true },
    ...{ json: flags.json === true, quiet: flags.quiet === true },
    header: { pb: RECORDING_VERSION, ...started, tool: `@pb/cli ${version}` },
  };
  const opening = listening(server, listenAt).then(() => decoder.open(settings));
  server.on("connection", (socket) => {
    const done = opening
      .then(
        () => serve(socket),
        () => void socket.destroy(),
      )
      .finally(() => connections.delete(done));
    connections.add(done);
  });
  const inspectorUrl = await opening.catch((error: unknown) => {
    server.close();
    throw error;
  });
  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // One for each connection.
  let count = 0;

  async function serve(client: Socket): Promise<void> {
    const connection = ++count;
    decoder.opened(connection, addressOf(client), now());
    client.on("error", () => undefined);
    const upstream = await dial(target, client, stopping.signal);
    if (!("socket" in upstream)) {
      decoder.closed(connection, upstream.by, upstream.code, now());
      client.destroy();
      return;
    }
    await new Promise<void>((resolve) => {
      const relay = new Relay(client, upstream.socket, {
        data: (from, bytes) => decoder.data(connection, from, bytes, now()),
        finished: (from) => decoder.finished(connection, from, now()),
        full: () => decoder.full(),
        closed: (by, code) => {
          stopping.signal.removeEventListener("abort", stop);
          decoder.closed(connection, by, code, now());
          resolve();
        },
      });
      const stop = (): void => relay.close();
      stopping.signal.addEventListener("abort", stop);
      if (stopping.signal.aborted) stop();
    });
  }

  io.stderr.write(`pb: listening at ${addressText(server)}, passing on to ${flags.to}; Ctrl-C ends pb tap\n`);
  if (inspectorUrl !== undefined) io.stderr.write(`pb: the conversation is shown at ${inspectorUrl}\n`);
  await Promise.race([aborted(io.signal), decoder.failed]);
  server.close();
  stopping.abort();
  await Promise.all(connections);
  await decoder.finish(now());
}

type Upstream = { readonly socket: Duplex } | { readonly by: "client" | "target" | "tap"; readonly code: string };

/** Connects to the target, unless the client leaves or the tap is interrupted before. */
async function dial(target: ClientEndpoint, client: Socket, stopping: AbortSignal): Promise<Upstream> {
  const gone = new AbortController();
  const leave = (): void => gone.abort(new Error("The client has disconnected"));
  client.once("close", leave);
  try {
    return { socket: await openSocket(target, { signal: AbortSignal.any([gone.signal, stopping]) }) };
  } catch (error) {
    if (stopping.aborted) return { by: "tap", code: "ABORT_ERR" };
    return gone.signal.aborted
      ? { by: "client", code: "ECONNRESET" }
      : { by: "target", code: codeOf(error) ?? describeFailure(error) };
  } finally {
    client.off("close", leave);
  }
}

function addressOf({ remoteAddress, remotePort }: Socket): string {
  return remoteAddress === undefined ? "" : `${remoteAddress}:${String(remotePort)}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
