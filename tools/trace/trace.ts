// The path of a call, as recorded by main.ts in a process of its own.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * `call out`: from `callRemote` to the buffer of the outbox. `flush`: from there to the link, once for all messages of
 * a turn. `call in`: from the link to the method. `answer out` and `answer in`: the way back.
 */
export type Direction = "call out" | "flush" | "call in" | "answer out" | "answer in";

/** A call of a function from a function in another file. */
export interface Entry {
  readonly direction: Direction;
  /** The file of the function, below packages/broker/src. */
  readonly file: string;
  readonly name: string;
}

export function recordCall(): Entry[] {
  const program = fileURLToPath(new URL("main.ts", import.meta.url));
  const flags = ["--import", "tsx", "--conditions=@pb/source"];
  return JSON.parse(execFileSync(process.execPath, [...flags, program, "--json"], { encoding: "utf8" })) as Entry[];
}
