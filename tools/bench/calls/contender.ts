// Who takes part, and how each is started.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { findTwisted, noTwisted } from "../../twisted/twisted.js";
import { onItsCore } from "./cores.js";
import { Party } from "./party.js";
import type { Work } from "./work.js";

const here = new URL("contenders/", import.meta.url);
/** Beside the libraries, so that the programs find them. */
const built = new URL("../node_modules/.programs/", import.meta.url);
const others = ["@grpc/grpc-js", "@grpc/proto-loader", "capnweb", "socket.io", "socket.io-client", "ws"];

/** Everybody, us first, in the order of the tables. */
export const names = ["@pb", "raw JSON", "Cap'n Web", "grpc-js", "socket.io", "Twisted"] as const;
export type Name = (typeof names)[number];

const folders: Record<Name, string> = {
  "@pb": "pb",
  "raw JSON": "raw",
  "Cap'n Web": "capnweb",
  "grpc-js": "grpc",
  "socket.io": "socketio",
  Twisted: "twisted",
};

/** A server and a client, connected over loopback TCP. */
export class Contender implements Disposable {
  readonly name: Name;
  readonly server: Party;
  readonly client: Party;
  /** The interpreter and the library, for the page. */
  readonly version: string;

  private constructor(name: Name, server: Party, client: Party, version: string) {
    this.name = name;
    this.server = server;
    this.client = client;
    this.version = version;
  }

  /** Undefined for Twisted where there is none; the reason is then on stderr. `flags` are Node's, for either side. */
  static async start(name: Name, flags: (side: Side) => readonly string[] = () => []): Promise<Contender | undefined> {
    const commands = name === "Twisted" ? twistedCommands() : await nodeCommands(folders[name], flags);
    if (commands === undefined) return undefined;
    const { party: server, facts } = await Party.start(`The server of ${name}`, onItsCore("server", commands.server));
    try {
      // Where the server listens: one port, or one for each kind of client.
      const ports = Object.values(facts).map(String);
      const command = onItsCore("client", [...commands.client, ...ports]);
      const { party: client } = await Party.start(`The client of ${name}`, command);
      return new Contender(name, server, client, commands.version);
    } catch (error) {
      server[Symbol.dispose]();
      throw error;
    }
  }

  /** Does a work so many times. The processor time is that of both sides. */
  async run(work: Work, times: number): Promise<{ seconds: number; cpu: number }> {
    const before = await this.server.ask("");
    const { seconds, cpu } = await this.client.ask(work, times);
    const after = await this.server.ask("");
    return { seconds, cpu: cpu + after.cpuSoFar - before.cpuSoFar };
  }

  async end(): Promise<void> {
    await this.client.end();
    await this.server.end();
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
    this.server[Symbol.dispose]();
  }
}

export type Side = "server" | "client";

interface Commands {
  readonly server: readonly string[];
  readonly client: readonly string[];
  readonly version: string;
}

function twistedCommands(): Commands | undefined {
  const twisted = findTwisted();
  if (twisted === undefined) {
    console.error(noTwisted);
    return undefined;
  }
  const program = (side: Side): string => fileURLToPath(new URL(`twisted/${side}.py`, here));
  return {
    server: [twisted.python, program("server")],
    client: [twisted.python, program("client")],
    version: `Twisted ${twisted.version}`,
  };
}

async function nodeCommands(folder: string, flags: (side: Side) => readonly string[]): Promise<Commands> {
  const command = async (side: Side): Promise<string[]> => {
    const output = new URL(`${folder}-${side}.mjs`, built);
    mkdirSync(built, { recursive: true });
    rmSync(output, { force: true });
    writeFileSync(output, await bundled(new URL(`${folder}/${side}.ts`, here)));
    return [process.execPath, ...flags(side), fileURLToPath(output)];
  };
  return {
    server: await command("server"),
    client: await command("client"),
    version: `Node ${process.version}`,
  };
}

/** A program as users run it: our packages as they are published, other libraries as they are installed. */
async function bundled(program: URL): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(program)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    target: ["es2022", "node20.19"],
    external: others,
    conditions: ["@pb/source"],
  });
  return outputFiles[0]!.contents;
}
