/**
 * A program that answers requests: one JSON line on stdin for each request, one JSON line on stdout for each answer.
 */

import { fileURLToPath } from "node:url";
import { Program } from "../process/program.js";
import type { Command } from "../process/program.js";
import { findTwisted, noTwisted, pythonEnvironment } from "../twisted/twisted.js";

/** A bench of all contenders takes less. */
const TIMEOUT_MS = 24 * 3600_000;

export class ChildProcess extends Program implements Disposable {
  constructor(name: string, command: Command) {
    super(name, command, { env: pythonEnvironment(), timeoutMs: TIMEOUT_MS });
  }

  request<Answer>(request: object): Promise<Answer> {
    this.writeLine(JSON.stringify(request));
    return this.nextJson<Answer>();
  }

  [Symbol.dispose](): void {
    this.kill();
  }
}

/** The command of twisted_bench.py. Undefined, and a line on stderr, where there is no Twisted. */
export function twistedCommand(): Command | undefined {
  const twisted = findTwisted();
  if (twisted !== undefined) return [twisted.python, fileURLToPath(new URL("twisted_bench.py", import.meta.url))];
  console.error(noTwisted);
  return undefined;
}
