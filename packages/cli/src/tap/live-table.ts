// A table below the lines of a terminal, which is drawn again when something has changed.

import { columnsOf } from "../io.js";
import type { CliOutput } from "../io.js";
import type { Printer } from "../observe/printer.js";
import type { Statistics } from "../observe/statistics.js";
import { statisticsSummary, statisticsTable } from "../observe/statistics-table.js";

/** Milliseconds between two drawings: often enough to look live. */
const INTERVAL_MS = 500;

/** Methods in the table. */
const ROWS = 5;

export class LiveTable {
  readonly #output: CliOutput;
  readonly #statistics: Statistics;
  readonly #timer: NodeJS.Timeout;
  /** The lines of the table that is on the terminal. */
  #height = 0;
  #drawnMessages = -1;

  constructor(output: CliOutput, statistics: Statistics, printer: Printer) {
    this.#output = output;
    this.#statistics = statistics;
    printer.around = { before: () => this.#erase(), after: () => this.#draw() };
    this.#timer = setInterval(() => {
      if (statistics.messages === this.#drawnMessages) return;
      this.#erase();
      this.#draw();
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#erase();
  }

  #erase(): void {
    if (this.#height > 0) this.#output.write(`\x1b[${this.#height}A\x1b[J`);
    this.#height = 0;
  }

  #draw(): void {
    // The terminal may have been resized: a longer line would take two.
    const width = columnsOf(this.#output) - 1;
    const lines = [...statisticsTable(this.#statistics, width, ROWS), ...statisticsSummary(this.#statistics)];
    const shown = ["-".repeat(width), ...lines].map((line) => line.slice(0, width));
    this.#output.write(`${shown.join("\n")}\n`);
    this.#height = shown.length;
    this.#drawnMessages = this.#statistics.messages;
  }
}
