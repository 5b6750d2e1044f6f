// `pb tap`: a proxy that passes bytes on unchanged, and shows what they mean.

import { openSocket, parseClientEndpoint, parseServerEndpoint } from "@pb/node-transport";
import type { ClientEndpoint } from "@pb/node-transport";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { KnownSecrets } from "../conversation/known-secrets.js";
import { codeOf, exitStatus } from "../errors.js";
import { describeFailure } from "../failure.js";
import { columnsOf } from "../io.js";
import type { CliIo } from "../io.js";
import { addressText, listening, listenOptions } from "../listening.js";
import { Observation } from "../observe/observer.js";
import type { Observer } from "../observe/observer.js";
import { Printer } from "../observe/printer.js";
import { Statistics } from "../observe/statistics.js";
import { statisticsJson, statisticsSummary, statisticsTable } from "../observe/statistics-table.js";
import { RECORDING_VERSION } from "../recording/format.js";
import { RecordingWriter } from "../recording/recording-writer.js";
import { wrapLine } from "../wrap.js";
import { LiveTable } from "./live-table.js";
import { RecordingObserver } from "./recording-observer.js";
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

/** Runs until the signal of `io` aborts. Rejects with `CliError` and `EndpointError`. */
export async function tap(flags: TapFlags, version: string, io: CliIo): Promise<number> {
  const target = parseClientEndpoint(flags.to);
  const listenAt = listenOptions(parseServerEndpoint(flags.listen));
  const startMs = performance.now();
  const now = (): number => performance.now() - startMs;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  const connections = new Set<Promise<void>>();
  const started = { started: new Date().toISOString(), listen: flags.listen, target: flags.to };
  const header = { pb: RECORDING_VERSION, ...started, tool: `@pb/cli ${version}` };
  const opening = listening(server, listenAt).then(() => openOutputs(flags, header, io));
  server.on("connection", (socket) => {
    const done = opening
      .then(
        (outputs) => serve(socket, outputs),
        () => void socket.destroy(),
      )
      .finally(() => connections.delete(done));
    connections.add(done);
  });
  const outputs = await opening.catch((error: unknown) => {
    server.close();
    throw error;
  });
  const knownSecrets = new KnownSecrets();
  const stopping = new AbortController();
  let count = 0;

  async function serve(client: Socket, { recorder, observers }: Outputs): Promise<void> {
    const observation = new Observation(++count, observers, { redact: flags.redact, knownSecrets });
    observation.opened(addressOf(client), now());
    client.on("error", () => undefined);
    const upstream = await dial(target, client, stopping.signal);
    if (!("socket" in upstream)) {
      observation.closed(now(), upstream.by, upstream.code);
      client.destroy();
      return;
    }
    await new Promise<void>((resolve) => {
      const relay = new Relay(client, upstream.socket, {
        data: (from, bytes) => observation.feed(from, bytes, now()),
        finished: (from) => observation.finished(from, now()),
        full: () => (recorder?.isFull === true ? recorder.drained() : undefined),
        closed: (by, code) => {
          stopping.signal.removeEventListener("abort", stop);
          observation.closed(now(), by, code);
          resolve();
        },
      });
      const stop = (): void => relay.close();
      stopping.signal.addEventListener("abort", stop);
      if (stopping.signal.aborted) stop();
    });
  }

  outputs.announce(`listening at ${addressText(server)}, passing on to ${flags.to}; Ctrl-C ends pb tap`);
  await aborted(io.signal);
  server.close();
  stopping.abort();
  await Promise.all(connections);
  await outputs.finish(now());
  return exitStatus.success;
}

interface Outputs {
  readonly observers: readonly Observer[];
  readonly recorder: RecordingWriter | undefined;
  announce(line: string): void;
  finish(timeMs: number): Promise<void>;
}

async function openOutputs(
  flags: TapFlags,
  header: Parameters<typeof RecordingWriter.create>[1],
  io: CliIo,
): Promise<Outputs> {
  const isJson = flags.json === true;
  const recorder = flags.output === undefined ? undefined : await RecordingWriter.create(flags.output, header);
  const { Inspector } = flags.inspect === true ? await import("./inspector.js") : { Inspector: undefined };
  const inspector = await Inspector?.start();
  if (recorder !== undefined) {
    recorder.onError = (error) => void io.stderr.write(`pb: ${describeFailure(error)}; nothing more is recorded\n`);
  }
  const statistics = new Statistics();
  const printer = new Printer(io, isJson);
  const table = isJson || io.stdout.isTTY !== true ? undefined : new LiveTable(io, statistics, printer);
  const observers: Observer[] = [statistics];
  if (flags.quiet !== true) observers.push(printer);
  if (recorder !== undefined) observers.push(new RecordingObserver(recorder));
  if (inspector !== undefined) observers.push(inspector);
  return {
    observers,
    recorder,
    announce: (line) => {
      io.stderr.write(`pb: ${line}\n`);
      if (inspector !== undefined) io.stderr.write(`pb: the conversation is shown at ${inspector.url}\n`);
    },
    finish: async (timeMs) => {
      printer.flush();
      table?.stop();
      const width = columnsOf(io.stdout);
      if (isJson) io.stdout.write(`{"kind": "end", "statistics": ${statisticsJson(statistics)}}\n`);
      else {
        const lines = statisticsSummary(statistics).map((line) => wrapLine(line, width, 4));
        io.stdout.write(`${[...statisticsTable(statistics, width), ...lines].join("\n")}\n`);
      }
      await inspector?.close();
      await recorder?.finish(timeMs);
    },
  };
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
