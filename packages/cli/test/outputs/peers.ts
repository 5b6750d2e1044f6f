// Peers whose texts contain what a terminal would obey, for the tests of all commands.

import { once } from "node:events";
import { createServer, connect } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { encode, none, pb } from "@pb/banana";
import { PBError, Root } from "@pb/broker";
import { formatEntry, formatHeader } from "../../src/recording/format.js";
import type { RecordingEntry } from "../../src/recording/format.js";
import { call, dict, expression, text, tuple } from "../conversation/talk.js";
import type { Words } from "../conversation/talk.js";

/** Is in all hostile texts, and so in every output that shows one of them. */
export const MARK = "MARK";

/** Begins a line if a line feed of a peer is printed as it is. */
export const FORGED = "FORGED";

/** Colors, a bell, an erased screen, other directions of text, invisible characters and ends of lines. */
export const HOSTILE = `${MARK}\u001b[31m\u0007\u007f\u009b2J\u202e\u2066\u200b\u2028\ufeff\u{e0041}\r\n${FORGED}`;

/** What a terminal or a reader of lines could take for something else than text. */
export const UNPRINTABLE = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const utf8 = Buffer.from(HOSTILE).toString("latin1");

const message = (words: Words): Uint8Array => encode(expression(words), { dialect: pb });
const start = (words: Words): Uint8Array => encode(expression(words), { dialect: none });

/** What each side sends: `say` is in all texts. */
export const said = (say: string): { readonly client: Uint8Array[]; readonly server: Uint8Array[] } => ({
  client: [
    start("pb"),
    message(["version", 6]),
    message(call(1, "root", say, tuple(text(say), say), dict({ [say]: [say, dict({ [say]: text(say) })] }))),
    message(call(2, say, "find", tuple(1))),
  ],
  server: [
    start(["pb", "none", say.slice(0, 40)]),
    message(["version", 6]),
    message(["answer", 1, ["list", text(say), ["remote", 7], [say, 3, dict({ a: say })], ["unpersistable", say]]]),
    message(["error", 2, ["twisted.spread.pb.CopyableFailure", dict({ type: text(say), value: text(say) })]]),
    message(["decref", say]),
    message([say, 1]),
    message([say]),
  ],
});

export const hostileTalk = said(utf8);

/** A recording of a connection. */
export function recordingOf({ client, server }: ReturnType<typeof said>): string {
  const header = { pb: 1, started: HOSTILE, tool: HOSTILE, listen: HOSTILE, target: HOSTILE };
  const at = { timeMs: 1, connection: 1 } as const;
  const data = (from: "client" | "server", parts: readonly Uint8Array[]): RecordingEntry[] =>
    parts.map((bytes) => ({ kind: "data", ...at, from, bytes }));
  const entries: RecordingEntry[] = [
    { kind: "open", ...at, address: HOSTILE },
    ...data("server", server.slice(0, 1)),
    ...data("client", client),
    ...data("server", server.slice(1)),
    { kind: "close", ...at, by: "client", code: HOSTILE },
    { kind: "finish", timeMs: 2 },
  ];
  return formatHeader(header) + entries.map(formatEntry).join("");
}

/** A server that sends the first bytes to each client, and the others when the client has said something. */
export async function rawServer(parts: readonly Uint8Array[], use: (stop: () => unknown) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined).resume());
    socket.write(parts[0]!);
    socket.once("data", () => socket.write(Buffer.concat(parts.slice(1))));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  use(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `tcp:127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Sends bytes to a port, and closes the connection when the other end has sent `until` bytes. */
export async function rawClient(port: number, bytes: Uint8Array, until: number): Promise<void> {
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  socket.write(bytes);
  let received = 0;
  socket.on("data", (chunk: Buffer) => {
    if ((received += chunk.length) >= until) socket.end();
  });
  await once(socket, "close");
}

/** Answers everything that a command asks for with hostile texts, also in place of numbers. */
export class HostileRoot extends Root {
  remote_value(): unknown {
    return new Map<unknown, unknown>([
      [HOSTILE, [HOSTILE, Buffer.from(HOSTILE)]],
      [1, { [HOSTILE]: 1 }],
    ]);
  }

  remote_fail(): never {
    throw new PBError(HOSTILE);
  }

  remote_login(): never {
    throw new PBError(HOSTILE);
  }

  remote_state(): object {
    const servers = [{ address: HOSTILE, state: HOSTILE, connections: HOSTILE, tracesReferences: false }];
    const sizes = { uptimeMs: 0, heapUsed: HOSTILE, rss: HOSTILE };
    return { pid: HOSTILE, node: HOSTILE, ...sizes, sessions: HOSTILE, level: HOSTILE, servers };
  }

  remote_connections(): object {
    const counts = { openMs: 0, latencyUs: 0, callsRunning: HOSTILE, callsHeld: HOSTILE, bytesQueued: HOSTILE };
    const bytes = { bytesReceived: HOSTILE, bytesSent: HOSTILE, referencesGiven: HOSTILE };
    const row = { id: HOSTILE, users: [HOSTILE], peer: HOSTILE, pausedBy: HOSTILE, lastAnswered: HOSTILE };
    const sums = { callsRunning: HOSTILE, callsHeld: HOSTILE, bytesQueued: HOSTILE, paused: HOSTILE };
    return { total: 1, sums, connections: [{ ...row, ...counts, ...bytes }] };
  }

  remote_sessions(): object {
    const counts = { sinceMs: 0, callsRunning: HOSTILE, bytesQueued: HOSTILE, referencesGiven: HOSTILE };
    const row = { user: HOSTILE, mechanism: HOSTILE, peer: HOSTILE, connection: HOSTILE, ...counts };
    return { total: 1, sessions: [row] };
  }

  remote_disconnect(): string {
    return HOSTILE;
  }

  remote_revalidate(): string {
    return HOSTILE;
  }
}

/** A module with hostile documentation, and one that cannot be imported. */
export const pythonModules = {
  "shop.py": `# coding: utf-8
from twisted.spread import pb
class Shop(pb.Root):
    def remote_find(self, id: str = ${pythonText(HOSTILE)}):
        pass
Shop.__doc__ = Shop.remote_find.__doc__ = ${pythonText(HOSTILE.replace("\n", ""))}
`,
  "broken.py": `raise ValueError(${pythonText(HOSTILE.replace("\n", ""))})\n`,
};

function pythonText(value: string): string {
  const units = Array.from(value, (character) => `\\U${character.codePointAt(0)!.toString(16).padStart(8, "0")}`);
  return `"${units.join("")}"`;
}
