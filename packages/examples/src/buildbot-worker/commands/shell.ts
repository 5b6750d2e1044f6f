// Runs a program, sends its output to the master, and stops it on an interrupt or a timeout.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { delimiter } from "node:path";
import type { Readable } from "node:stream";
import { command } from "../command.js";
import type { Task } from "../command.js";
import { LineDecoder } from "../line-decoder.js";
import { LogFile } from "../log-file.js";
import { Timeouts } from "../timeouts.js";

interface ShellArgs {
  workdir: string;
  /** A command line for the shell, or a program and its arguments. */
  command: string | readonly string[];
  env?: Readonly<Record<string, string | readonly string[] | null>> | null;
  want_stdout?: boolean | number;
  want_stderr?: boolean | number;
  logfiles?: Readonly<Record<string, string | { filename: string; follow?: boolean }>>;
  /** Seconds without output. */
  timeout?: number | null;
  /** Seconds in total. */
  maxTime?: number | null;
  /** Seconds between SIGTERM and SIGKILL. */
  sigtermTime?: number | null;
  usePTY?: boolean;
  logEnviron?: boolean;
  initial_stdin?: string | null;
  /** Without "SIG". */
  interruptSignal?: string;
}

/** Milliseconds that children of a killed program may keep its output open. */
const LINGER_MS = 5_000;

export const shell = command<ShellArgs>(["workdir", "command"], async (task) => {
  const { args, report, signal, path } = task;
  const start = performance.now();
  const cwd = path(args.workdir);
  await mkdir(cwd, { recursive: true });
  const env = environment(args.env ?? {}, cwd);
  const argv = argvOf(args);
  report.text("header", header(args, cwd, argv, env));

  // Before the program starts, so that everything it writes counts as new.
  const logFiles = Object.entries(args.logfiles ?? {}).map(
    ([name, log]) =>
      new LogFile(
        typeof log === "string" ? { filename: log } : log,
        (file) => path(args.workdir, file),
        (text) => report.log(name, text),
      ),
  );
  const child = spawn(argv[0]!, argv.slice(1), {
    cwd,
    env,
    detached: true, // its own process group, so that a signal reaches its children
    stdio: [typeof args.initial_stdin === "string" ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const program = new Program(child, task);
  const stop = (): void =>
    program.stop(`interrupted (${String(signal.reason)})`, `SIG${args.interruptSignal ?? "KILL"}`);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();

  const [outcome] = await Promise.all([
    program.exit,
    program.read(child.stdout!, args.want_stdout === false ? undefined : "stdout"),
    program.read(child.stderr!, args.want_stderr === false ? undefined : "stderr"),
  ]);
  signal.removeEventListener("abort", stop);
  for (const log of logFiles) await log.end();

  if (outcome.remark !== undefined) report.text("header", `${outcome.remark}\n`);
  const elapsed = (performance.now() - start) / 1000;
  report.text("header", `elapsedTime=${elapsed.toFixed(6)}\n`);
  report.update({ elapsed });
  return outcome.status;
});

/** How a program ended. The master logs the status. */
interface Outcome {
  readonly status: number;
  readonly remark?: string;
}

class Program {
  readonly #child: ChildProcess;
  readonly #task: Task<ShellArgs>;
  readonly #timeouts: Timeouts;
  #isStopped = false;
  #timers: NodeJS.Timeout[] = [];
  readonly exit: Promise<Outcome>;

  constructor(child: ChildProcess, task: Task<ShellArgs>) {
    this.#child = child;
    this.#task = task;
    const { timeout, maxTime, initial_stdin: input } = task.args;
    this.#timeouts = new Timeouts({ idle: timeout, total: maxTime }, (reason) => this.stop(reason, "SIGKILL"));
    child.stdin?.on("error", () => undefined).end(input); // The program need not read its input.
    this.exit = this.#waitForExit().finally(() => {
      this.#timeouts.clear();
      this.#timers.forEach(clearTimeout);
    });
  }

  /** Sends a stream to the master, with backpressure. With `name` undefined, the output is discarded. */
  async read(stream: Readable, name: "stdout" | "stderr" | undefined): Promise<void> {
    const { report } = this.#task;
    const lines = new LineDecoder();
    try {
      for await (const chunk of stream) {
        this.#timeouts.restartIdle();
        const text = lines.decode(chunk as Buffer);
        if (name === undefined) continue;
        report.text(name, text);
        await report.drain();
      }
    } catch {
      // The stream was destroyed, because children of the killed program kept it open.
    }
    if (name !== undefined) report.text(name, lines.flush());
  }

  /** Stops the program and its children. */
  stop(reason: string, signal: string): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { report, args } = this.#task;
    report.text("header", `command ${reason}, attempting to kill\n`);
    const { sigtermTime } = args;
    if (typeof sigtermTime === "number" && signal === "SIGKILL") {
      this.#kill("SIGTERM");
      this.#timers.push(setTimeout(() => this.#kill("SIGKILL"), sigtermTime * 1000));
    } else {
      this.#kill(signal);
    }
  }

  #kill(signal: string): void {
    const { pid, stdout, stderr } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, signal);
    } catch {
      // The program has already exited.
    }
    const close = (): void => {
      stdout?.destroy();
      stderr?.destroy();
    };
    this.#timers.push(setTimeout(close, LINGER_MS));
  }

  #waitForExit(): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#child.on("error", (error) =>
        resolve({ status: 127, remark: `cannot start the program: ${error.message}` }),
      );
      this.#child.on("close", (status, signal) => {
        if (status === null) resolve({ status: -1, remark: `process killed by ${signal ?? "an unknown signal"}` });
        else resolve({ status: this.#isStopped ? -1 : status });
      });
    });
  }
}

function argvOf({ command, usePTY }: ShellArgs): string[] {
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : [...command];
  if (usePTY !== true) return argv;
  // Node cannot open a pseudo terminal. The program `script` of util-linux can.
  const quoted = argv.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(" ");
  return ["script", "--quiet", "--return", "--command", quoted, "/dev/null"];
}

/**
 * The environment of the worker with the changes that the master wants: a list is joined to a search path, null deletes
 * a variable, and `${NAME}` is replaced with a variable of the worker.
 */
function environment(wanted: NonNullable<ShellArgs["env"]>, cwd: string): Record<string, string> {
  const env: Record<string, string | undefined> = { ...process.env, PWD: cwd };
  for (const [name, value] of Object.entries(wanted)) {
    const text = value === null ? undefined : [value].flat().join(delimiter);
    env[name] = text?.replace(/\$\{(\w+)\}/g, (_, other: string) => process.env[other] ?? "");
  }
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function header(args: ShellArgs, cwd: string, argv: readonly string[], env: Record<string, string>): string {
  const { command, timeout, maxTime, logEnviron } = args;
  const lines = [
    typeof command === "string" ? command : command.join(" "),
    ` in dir ${cwd} (timeout ${timeout ?? "none"}, maximum time ${maxTime ?? "none"})`,
    ` argv: ${JSON.stringify(argv)}`,
  ];
  if (logEnviron !== false) {
    lines.push(
      " environment:",
      ...Object.entries(env)
        .map(([name, value]) => `  ${name}=${value}`)
        .sort(),
    );
  }
  return `${lines.join("\n")}\n`;
}
