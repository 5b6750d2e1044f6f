// Live Twisted, as a server and as a client.

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Twisted } from "../../../../tools/twisted/twisted.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";

/** A program of ours for Twisted, while it runs. */
export class TwistedPeer implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** What Twisted logged. */
  log = "";

  constructor({ python }: Twisted, script: "server" | "client", ...args: string[]) {
    const path = fileURLToPath(new URL(`${script}.py`, import.meta.url));
    this.process = spawn(python, [path, ...args], { env: pythonEnvironment(), stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = createInterface(this.process.stdout!)[Symbol.asyncIterator]();
    this.process.stderr!.on("data", (text: Buffer) => (this.log += text.toString()));
  }

  /** The next line it prints. Rejects with its log when it ends instead. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`Twisted ended:\n${this.log}`);
    return value;
  }

  /** Stops it in the middle of whatever it does; the kernel still acknowledges what arrives. */
  freeze(): void {
    this.process.kill("SIGSTOP");
  }

  thaw(): void {
    this.process.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, "exit");
    this.process.kill("SIGKILL");
    await gone;
  }
}

/** A server, and the port it listens on. */
export async function twistedServer(twisted: Twisted, endpoint: string): Promise<TwistedPeer & { port: number }> {
  const peer = new TwistedPeer(twisted, "server", endpoint);
  return Object.assign(peer, { port: Number(await peer.line()) });
}

/** Whether it has what Twisted needs for TLS. */
export function speaksTls({ python }: Twisted): boolean {
  return spawnSync(python, ["-c", "import OpenSSL, service_identity"], { env: pythonEnvironment() }).status === 0;
}
