// What `pb tap` shows and writes: lines, a table, a page and a recording.

import { describeFailure } from "../failure.js";
import { canRedraw, columnsOf } from "../io.js";
import type { CliIo, CliOutput } from "../io.js";
import type { Observer } from "../observe/observer.js";
import { Printer } from "../observe/printer.js";
import { Statistics } from "../observe/statistics.js";
import { statisticsJson, statisticsSummary, statisticsTable } from "../observe/statistics-table.js";
import { RecordingWriter } from "../recording/recording-writer.js";
import { wrapLine } from "../wrap.js";
import { LiveTable } from "./live-table.js";
import { RecordingObserver } from "./recording-observer.js";
import type { DecoderSettings, FromDecoder } from "./thread-messages.js";

export interface Outputs {
  readonly observers: readonly Observer[];
  readonly recorder: RecordingWriter | undefined;
  /** The address of the page of `--inspect`. */
  readonly inspectorUrl: string | undefined;
  /** The terminal has another width. */
  resize(columns: number | undefined): void;
  /** Prints the statistics, and closes everything. Rejects with the error of a recording that could not be written. */
  finish(timeMs: number): Promise<void>;
}

/** Rejects with `CliError` `CLI_FILE`. Texts for stdout and stderr are sent to the other thread. */
export async function openOutputs(settings: DecoderSettings, send: (message: FromDecoder) => void): Promise<Outputs> {
  const { isTTY, json, env, output } = settings;
  let { columns } = settings;
  const stderr = { write: (text: string) => send({ kind: "output", to: "stderr", text }) };
  const stdout: CliOutput = {
    isTTY,
    get columns() {
      return columns;
    },
    write: (text) => send({ kind: "output", to: "stdout", text }),
  };
  const recorder = output === undefined ? undefined : await RecordingWriter.create(output, settings.header);
  const { Inspector } = settings.inspect ? await import("./inspector.js") : { Inspector: undefined };
  const inspector = await Inspector?.start();
  if (recorder !== undefined) {
    recorder.onError = (error) => stderr.write(`pb: ${describeFailure(error)}; nothing more is recorded\n`);
  }
  const statistics = new Statistics();
  const printer = new Printer({ stdout, env }, json);
  const table = json || !canRedraw(stdout, env) ? undefined : new LiveTable(stdout, statistics, printer);
  const observers: Observer[] = [statistics];
  if (!settings.quiet) observers.push(printer);
  if (recorder !== undefined) observers.push(new RecordingObserver(recorder));
  if (inspector !== undefined) observers.push(inspector);
  return {
    observers,
    recorder,
    inspectorUrl: inspector?.url,
    resize: (width) => (columns = width),
    finish: async (timeMs) => {
      printer.flush();
      table?.stop();
      stdout.write(json ? `{"kind": "end", "statistics": ${statisticsJson(statistics)}}\n` : shown(statistics, stdout));
      await inspector?.close();
      await recorder?.finish(timeMs);
    },
  };
}

function shown(statistics: Statistics, stdout: CliIo["stdout"]): string {
  const width = columnsOf(stdout);
  const lines = statisticsSummary(statistics).map((line) => wrapLine(line, width, 4));
  return `${[...statisticsTable(statistics, width), ...lines].join("\n")}\n`;
}
