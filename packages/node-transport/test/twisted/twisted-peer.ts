// Runs the programs in this folder with Twisted, as a server and as a client.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import type { Twisted } from "../../../../tools/twisted/twisted.js";

/** A program of this folder while it runs: `server.py`, `client.py` or `refused.py`. */
export class TwistedPeer extends Program {
  constructor({ python }: Twisted, script: "server" | "client" | "refused", ...args: string[]) {
    const path = fileURLToPath(new URL(`${script}.py`, import.meta.url));
    super(`Twisted's ${script}`, [python, path, ...args], { env: pythonEnvironment() });
  }

  /** What Twisted has logged. */
  get log(): string {
    return this.stderr;
  }

  /** Ends `freeze`. */
  thaw(): void {
    this.kill("SIGCONT");
  }

  /** A frozen program ends only with SIGKILL. */
  override async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    await this.exit;
  }
}

/** Starts a server. Resolves when it listens. */
export async function twistedServer(twisted: Twisted, endpoint: string): Promise<TwistedPeer & { port: number }> {
  const peer = new TwistedPeer(twisted, "server", endpoint);
  return Object.assign(peer, { port: Number(await peer.nextLine()) });
}

/** Whether this Python has the packages that Twisted needs for TLS. */
export function speaksTls({ python }: Twisted): boolean {
  return spawnSync(python, ["-c", "import OpenSSL, service_identity"], { env: pythonEnvironment() }).status === 0;
}
