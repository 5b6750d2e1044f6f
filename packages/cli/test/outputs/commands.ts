// Runs each command so that it shows texts of a hostile peer.

import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { listen } from "@pb/node-transport";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import {
  hostileTalk,
  HostileRoot,
  MARK,
  pythonModules,
  rawClient,
  rawServer,
  recordingOf,
  said,
  HOSTILE,
} from "./peers.js";

/** What a row needs to start its peers. */
export interface Place {
  /** The path of a file in a temporary folder, with this contents. */
  readonly file: (name: string, contents?: string) => string;
  /** Called after the command has ended. */
  readonly use: (stop: () => unknown) => void;
  /** A Python with Twisted, if there is one. */
  readonly python: string | undefined;
}

/** A run of a command. */
export interface Run {
  readonly args: readonly string[];
  /** The exit status. Default: 0. */
  readonly status?: number;
  /** Options for lines of JSON. Undefined: the command has none. */
  readonly json?: readonly string[];
  /** Whether no line is wider than the terminal. */
  readonly fits?: boolean;
  /** Whether it writes colors on a terminal. */
  readonly hasColors?: boolean;
  /** Whether something of a peer is shown. Default: yes. */
  readonly isForeign?: boolean;
  /** Whether a text of a peer may have several lines: tracebacks and documentation of Python. */
  readonly hasLines?: boolean;
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Acts when the command has written this to either output, once. */
  readonly act?: (written: string) => Promise<void> | undefined;
  /** When it has written this, a command that does not end is interrupted. */
  readonly until?: RegExp;
}

type Row = (place: Place) => Promise<Run> | Run;

const json = ["--json"];

async function rootServer(place: Place): Promise<string> {
  const server = await listen("tcp:0:interface=127.0.0.1", new HostileRoot());
  place.use(() => server.destroy());
  return `tcp:127.0.0.1:${server.port}`;
}

async function adminServer(place: Place): Promise<string> {
  const path = place.file("admin.sock");
  const server = await listen({ type: "unix", path }, new HostileRoot());
  place.use(() => server.destroy());
  return path;
}

const tapping =
  (...flags: string[]): Row =>
  async (place) => ({
    args: ["tap", "--listen", "tcp:0", "--to", await rawServer(hostileTalk.server, place.use), ...flags],
    ...{ json, fits: true, hasColors: true, until: /closed by the client|"kind": "close"/ },
    act: (written) => {
      const [, port] = /listening at tcp:(\d+)/.exec(written) ?? [];
      const { client, server } = hostileTalk;
      return port === undefined
        ? undefined
        : rawClient(Number(port), Buffer.concat(client), Buffer.concat(server).length);
    },
  });

/** The arguments, input and peers with which each command is run. A command without a row fails a test. */
export const commands: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  call: {
    "a result": async (place) => ({ args: ["call", await rootServer(place), "root.value"], json }),
    "an error": async (place) => ({
      args: ["call", await rootServer(place), "root.fail"],
      ...{ status: 1, json, hasColors: true },
    }),
    "a result that is no object": async (place) => ({
      args: ["call", await rootServer(place), "root.value.more"],
      ...{ status: 1, json, hasColors: true },
    }),
    "an argument of its own": () => ({
      args: ["call", "tcp:127.0.0.1:1", "root.value", `{"${HOSTILE}`],
      ...{ status: 2, json, hasColors: true },
    }),
  },
  doctor: {
    "a greeting": async (place) => ({
      args: ["doctor", await rawServer([Buffer.from(HOSTILE)], place.use)],
      ...{ status: 5, json, fits: true, hasColors: true },
    }),
    "a login": async (place) => ({
      args: ["doctor", await rootServer(place)],
      ...{ json, fits: true, hasColors: true },
    }),
  },
  tap: { lines: tapping(), "a page": tapping("--inspect") },
  decode: {
    "a recording": (place) => ({
      args: ["decode", place.file("a.pbrec", recordingOf(hostileTalk))],
      ...{ json, fits: true, hasColors: true },
    }),
    "bytes from stdin": () => ({
      args: ["decode", "-"],
      ...{ stdin: Buffer.concat(hostileTalk.server).toString("latin1"), json, fits: true, hasColors: true },
    }),
    "no PB": (place) => ({
      args: ["decode", place.file("a.bin", HOSTILE)],
      ...{ status: 5, isForeign: false, json, fits: true, hasColors: true },
    }),
    "a name of a file": () => ({ args: ["decode", `/nonexistent/${HOSTILE}`], status: 2, json, hasColors: true }),
  },
  stats: {
    "a recording": (place) => ({
      args: ["stats", place.file("a.pbrec", recordingOf(hostileTalk))],
      ...{ json, fits: true },
    }),
  },
  replay: {
    "a difference": async (place) => ({
      args: ["replay", place.file("a.pbrec", recordingOf(said("same"))), "--as", "client", "--to"].concat(
        await rawServer([...said("same").server.slice(0, 2), ...hostileTalk.server.slice(2)], place.use),
      ),
      ...{ status: 7, json, fits: true },
    }),
  },
  gateway: {
    "the origin of a page": async (place) => ({
      args: ["gateway", "--listen", "ws:0:interface=127.0.0.1:path=/pb", "--to", await rootServer(place)],
      ...{ json, until: new RegExp(MARK) },
      act: (written) => {
        const [, port] = /port["\w ]*[: ](\d+)/.exec(written) ?? [];
        return port === undefined ? undefined : foreignPage(Number(port));
      },
    }),
  },
  typegen: {
    documentation: (place) => ({
      args: ["typegen", "--python", place.python!, `${place.file("shop.py", pythonModules["shop.py"])}:Shop`],
      ...{ env: pythonEnvironment(), hasLines: true },
    }),
    differences: (place) => ({
      args: ["typegen", "--python", place.python!, `${place.file("shop.py", pythonModules["shop.py"])}:Shop`].concat(
        ...[
          "-o",
          place.file("shop.ts", `/** ${HOSTILE} */\nexport interface Other {\n  a(): unknown;\n}\n`),
          "--check",
        ],
      ),
      ...{ status: 7, env: pythonEnvironment(), json, hasLines: true, isForeign: false },
    }),
    "an error": (place) => ({
      args: ["typegen", "--python", place.python!, place.file("broken.py", pythonModules["broken.py"])],
      ...{ status: 1, env: pythonEnvironment(), json, hasColors: true, hasLines: true },
    }),
  },
  top: {
    "a table": async (place) => ({ args: ["top", await adminServer(place), "--times", "1"], json, fits: true }),
  },
  sessions: {
    "a table": async (place) => ({ args: ["sessions", await adminServer(place)], json, fits: true }),
    "an end": async (place) => ({ args: ["sessions", await adminServer(place), "--disconnect", HOSTILE], json }),
    "a number": async (place) => ({ args: ["sessions", await adminServer(place), "--revalidate"], json }),
  },
  passwd: {
    "the users of a file": (place) => ({
      args: ["passwd", place.file("users", `${HOSTILE.replace("\n", "")}:secret\n`)],
      json,
    }),
    "a user that is not there": (place) => ({
      args: ["passwd", place.file("users", "ann:secret\n"), `${MARK}\u009b2J\u202e`, "--check"],
      ...{ status: 2, json, hasColors: true },
    }),
  },
  completion: { "a script": () => ({ args: ["completion", "bash"], isForeign: false }) },
  help: { "a command": () => ({ args: ["help", "call"], isForeign: false }) },
};

/** A page of another site, whose origin is hostile. */
function foreignPage(port: number): Promise<void> {
  const lines = [
    "GET /pb HTTP/1.1",
    "Host: localhost",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    `Origin: http://${MARK}\u009b2J\u0085`,
  ];
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    socket.on("close", () => resolve()).resume();
    socket.end(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  });
}

/** Writes a file of a place. */
export function write(path: string, contents: string | undefined): string {
  if (contents !== undefined) writeFileSync(path, contents);
  return path;
}
