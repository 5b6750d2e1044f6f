// Twisted's own Banana as a contender, in a Python beside this process.

import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { findTwisted, noTwisted, pythonEnvironment } from "../../twisted/twisted.js";
import type { Contender } from "../measure.js";

export class TwistedCodec {
  readonly version: string;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  /** Undefined where there is no Twisted; the reason is then on stderr. */
  static async start(program = new URL("twisted_codec.py", import.meta.url)): Promise<TwistedCodec | undefined> {
    const twisted = findTwisted();
    if (twisted === undefined) {
      console.error(noTwisted);
      return undefined;
    }
    const codec = new TwistedCodec(twisted.python, program, `Twisted ${twisted.version}`);
    await codec.#answer(); // says that it is there
    return codec;
  }

  private constructor(python: string, program: URL, version: string) {
    this.version = version;
    this.#child = spawn(python, [fileURLToPath(program)], {
      stdio: ["pipe", "pipe", "inherit"],
      env: pythonEnvironment(),
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async load(payload: string, bytes: Uint8Array): Promise<void> {
    await this.#ask({ payload, hex: Buffer.from(bytes).toString("hex") });
  }

  contender(payload: string, direction: "encode" | "decode"): Contender {
    return { name: "Twisted", run: async (times) => (await this.#ask({ payload, direction, times })).seconds };
  }

  stop(): void {
    this.#child.stdin.end();
  }

  #ask(request: object): Promise<{ seconds: number }> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    return this.#answer();
  }

  async #answer(): Promise<{ seconds: number }> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("Twisted's process ended");
    return JSON.parse(value) as { seconds: number };
  }
}
