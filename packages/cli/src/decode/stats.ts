// `pb stats`: counts the calls of a recording, or of raw bytes, by method.

import { exitStatus } from "../errors.js";
import { columnsOf } from "../io.js";
import type { CliIo } from "../io.js";
import { Statistics } from "../observe/statistics.js";
import { statisticsJson, statisticsSummary, statisticsTable } from "../observe/statistics-table.js";
import { wrapLine } from "../wrap.js";
import { observeFile } from "./observe-file.js";

export interface StatsFlags {
  readonly json?: true;
}

/** Prints the statistics. Rejects with `CliError`, after the statistics of everything that can be read. */
export async function stats(file: string, flags: StatsFlags, io: CliIo): Promise<number> {
  const statistics = new Statistics();
  try {
    await observeFile(file, undefined, [statistics], io);
  } finally {
    if (statistics.messages > 0) io.stdout.write(shown(statistics, flags.json === true, columnsOf(io.stdout)));
  }
  return exitStatus.success;
}

function shown(statistics: Statistics, isJson: boolean, columns: number): string {
  if (isJson) return `${statisticsJson(statistics)}\n`;
  const lines = statisticsSummary(statistics).map((line) => wrapLine(line, columns, 4));
  return `${[...statisticsTable(statistics, columns), ...lines].join("\n")}\n`;
}
