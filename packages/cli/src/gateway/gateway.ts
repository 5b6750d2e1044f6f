// `pb gateway`: lets browsers use a server that has sockets only.

import { printable } from "@pb/jelly-types";
import { gateway } from "@pb/web-transport/node";
import type { GatewayOptions } from "@pb/web-transport/node";
import { once } from "node:events";
import { secondsOf } from "../deadline.js";
import { codeOf, exitStatus, usageError } from "../errors.js";
import { escaped } from "../escape.js";
import { describeFailure } from "../failure.js";
import type { CliIo } from "../io.js";

export interface GatewayFlags {
  readonly listen: string;
  readonly to: string;
  readonly origins?: readonly string[];
  readonly methods?: readonly string[];
  readonly trustProxies?: readonly string[];
  readonly limit?: readonly string[];
  readonly messageBytes?: string;
  readonly heldBytes?: string;
  readonly connectTimeout?: string;
  readonly tlsTimeout?: string;
  readonly json?: true;
}

type Events = NonNullable<GatewayOptions["onEvent"]>;
type Event = Parameters<Events>[0];

/** Runs until the signal of `io` aborts. Rejects with `CliError`, and as `gateway` does. */
export async function runGateway(flags: GatewayFlags, io: CliIo): Promise<number> {
  const write = (fields: Readonly<Record<string, unknown>>, text: string): void =>
    void io.stdout.write(`${escaped(flags.json === true ? JSON.stringify(fields) : text)}\n`);
  const options = optionsOf(flags, (event) => report(event, write));
  const server = await gateway(options).catch((error: unknown) => {
    throw error instanceof TypeError ? usageError(error.message) : error;
  });
  try {
    write(
      { kind: "listening", port: server.port, to: flags.to },
      `listening on port ${server.port}, passing on to ${flags.to}; Ctrl-C ends the gateway`,
    );
    if (!io.signal.aborted) await once(io.signal, "abort");
    const open = server.relays;
    write({ kind: "closing", connections: open }, `closing ${open} ${open === 1 ? "connection" : "connections"}`);
  } finally {
    await server.close();
  }
  return exitStatus.success;
}

function optionsOf(flags: GatewayFlags, onEvent: Events): GatewayOptions {
  const limits = limitsOf(flags.limit);
  return {
    listen: flags.listen,
    to: flags.to,
    onEvent,
    origins: flags.origins,
    methods: flags.methods,
    trustProxies: flags.trustProxies,
    messageBytes: bytesOf("--message-bytes", flags.messageBytes),
    heldBytes: bytesOf("--held-bytes", flags.heldBytes),
    connectMs: milliseconds("--connect-timeout", flags.connectTimeout),
    tlsMs: milliseconds("--tls-timeout", flags.tlsTimeout),
    ...(limits !== undefined && { limits }),
  };
}

/** `connections=1000` for each `--limit`. The gateway refuses unknown names. */
function limitsOf(texts: readonly string[] | undefined): Record<string, number> | undefined {
  if (texts === undefined) return undefined;
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, digits] = /^(\w+)=(\d{1,15})$/.exec(text) ?? [];
      if (name !== undefined && digits !== undefined) return [name, Number(digits)];
      throw usageError(`--limit ${printable(JSON.stringify(text))}: expected NAME=NUMBER, such as connections=1000`);
    }),
  );
}

function bytesOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,15}$/.test(text)) return text === undefined ? undefined : Number(text);
  throw usageError(`${option} ${printable(JSON.stringify(text))}: expected a number of bytes`);
}

function milliseconds(option: string, text: string | undefined): number | undefined {
  return text === undefined ? undefined : secondsOf(option, text) * 1000;
}

function report(event: Event, write: (fields: Readonly<Record<string, unknown>>, text: string) => void): void {
  const peer = "peer" in event ? printable(event.peer) : undefined;
  const from = peer === undefined ? "" : `${peer}: `;
  if (event.kind === "refused") {
    write({ kind: "refused", peer, limit: event.limit }, `${from}refused, because of the limit ${event.limit}`);
  } else if (event.kind === "failed" || event.kind === "error") {
    const code = codeOf(event.error);
    const text = describeFailure(event.error);
    write({ kind: event.kind, peer, code, message: text }, `${from}${text}${code === undefined ? "" : ` (${code})`}`);
  }
}
