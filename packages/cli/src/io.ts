// What `pb` reads and writes, so that tests and other programs can run it without a process of its own.

import type { Readable } from "node:stream";

/** Where a command reads from and writes to. `process` has everything but `signal`. */
export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: CliOutput;
  readonly stderr: CliOutput;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the command, which closes its connections. */
  readonly signal: AbortSignal;
  /** Passwords and tokens that were read, which no error shows. `run` creates it. */
  readonly secrets?: Set<string>;
}

/** A stream for text. On a terminal, lines are wrapped at `columns` and have colors, unless `NO_COLOR` is set. */
export interface CliOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  /** The lines of a terminal, for `pb top`. */
  readonly rows?: number | undefined;
}

/** The width of a terminal that does not tell its own. */
const COLUMNS = 80;

/** Columns below which lines are not wrapped further: words would be torn apart. */
const NARROWEST = 20;

/** The width for lines and values: unlimited if the output is not a terminal. */
export function columnsOf({ isTTY, columns = COLUMNS }: CliOutput): number {
  return isTTY === true ? Math.max(columns, NARROWEST) : Infinity;
}

/** Whether a table can be written again in its place. */
export function canRedraw(output: CliOutput, env: CliIo["env"]): boolean {
  return output.isTTY === true && env.TERM !== "dumb";
}

export type Paint = (color: "green" | "yellow" | "red" | "dim", text: string) => string;

const colors = { green: 32, yellow: 33, red: 31, dim: 2 } as const;

/** Colors texts on a terminal, and returns them unchanged elsewhere (https://no-color.org). */
export function painter(output: CliOutput, env: CliIo["env"]): Paint {
  if (!canRedraw(output, env) || (env.NO_COLOR ?? "") !== "") return (_color, text) => text;
  return (color, text) => `\x1b[${colors[color]}m${text}\x1b[0m`;
}
