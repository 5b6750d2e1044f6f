// Runs a program: its output goes to the master while it runs, and it stops when it is told to, or takes too long.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { delimiter } from "node:path";
import type { Readable } from "node:stream";
import { command } from "../command.js";
import type { Task } from "../command.js";
import { Lines } from "../lines.js";
import { LogFile } from "../log-file.js";
import { Patience } from "../patience.js";

interface ShellArgs {
  workdir: string;
  /** For the shell, or a program and its arguments. */
  command: string | readonly string[];
  env?: Readonly<Record<string, string | readonly string[] | null>> | null;
  want_stdout?: boolean | number;
  want_stderr?: boolean | number;
  logfiles?: Readonly<Record<string, string | { filename: string; follow?: boolean }>>;
  /** Seconds without output. */
  timeout?: number | null;
  /** Seconds in all. */
  maxTime?: number | null;
  /** Seconds between asking a program to end and killing it. */
  sigtermTime?: number | null;
  usePTY?: boolean;
  logEnviron?: boolean;
  initial_stdin?: string | null;
  /** Without "SIG". */
  interruptSignal?: string;
}

/** Milliseconds that a killed program's children may keep its output open. */
const LINGER = 5_000;

export const shell = command<ShellArgs>(["workdir", "command"], async (task) => {
  const { args, report, signal, path } = task;
  const start = performance.now();
  const cwd = path(args.workdir);
  await mkdir(cwd, { recursive: true });
  const env = environment(args.env ?? {}, cwd);
  const argv = argvOf(args);
  report.text("header", introduction(args, cwd, argv, env));

  // Before the program runs: what it writes at once is its own.
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
    detached: true, // a group of its own, so that its children can be stopped with it
    stdio: [typeof args.initial_stdin === "string" ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const program = new Program(child, task);
  const stop = (): void =>
    program.stop(`interrupted (${String(signal.reason)})`, `SIG${args.interruptSignal ?? "KILL"}`);
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();

  const [outcome] = await Promise.all([
    program.ended,
    program.read(child.stdout!, args.want_stdout === false ? undefined : "stdout"),
    program.read(child.stderr!, args.want_stderr === false ? undefined : "stderr"),
  ]);
  signal.removeEventListener("abort", stop);
  for (const log of logFiles) await log.end();

  if (outcome.remark !== undefined) report.text("header", `${outcome.remark}\n`);
  const elapsed = (performance.now() - start) / 1000;
  report.text("header", `elapsedTime=${elapsed.toFixed(6)}\n`);
  report.tell({ elapsed });
  return outcome.status;
});

/** The master itself writes the status into the log. */
interface Outcome {
  readonly status: number;
  readonly remark?: string;
}

class Program {
  readonly #child: ChildProcess;
  readonly #task: Task<ShellArgs>;
  readonly #patience: Patience;
  #isStopped = false;
  #timers: NodeJS.Timeout[] = [];
  readonly ended: Promise<Outcome>;

  constructor(child: ChildProcess, task: Task<ShellArgs>) {
    this.#child = child;
    this.#task = task;
    const { timeout, maxTime, initial_stdin: input } = task.args;
    this.#patience = new Patience({ silence: timeout, whole: maxTime }, (why) => this.stop(why, "SIGKILL"));
    child.stdin?.on("error", () => undefined).end(input); // it need not read it
    this.ended = this.#end().finally(() => {
      this.#patience.end();
      this.#timers.forEach(clearTimeout);
    });
  }

  /** Reads one stream to its end, no faster than the master takes it. */
  async read(stream: Readable, name: "stdout" | "stderr" | undefined): Promise<void> {
    const { report } = this.#task;
    const lines = new Lines();
    try {
      for await (const chunk of stream) {
        this.#patience.renew();
        const text = lines.feed(chunk as Buffer);
        if (name === undefined) continue;
        report.text(name, text);
        await report.room();
      }
    } catch {
      // It was closed over the heads of the program's children.
    }
    if (name !== undefined) report.text(name, lines.end());
  }

  /** Ends it, and all that it started. */
  stop(why: string, signal: string): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    const { report, args } = this.#task;
    report.text("header", `command ${why}, attempting to kill\n`);
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
      // It has ended already.
    }
    const close = (): void => {
      stdout?.destroy();
      stderr?.destroy();
    };
    this.#timers.push(setTimeout(close, LINGER));
  }

  #end(): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#child.on("error", (error) => resolve({ status: 127, remark: `cannot be started: ${error.message}` }));
      this.#child.on("close", (status, signal) => {
        if (status === null) resolve({ status: -1, remark: `process killed by ${signal ?? "nobody knows what"}` });
        else resolve({ status: this.#isStopped ? -1 : status });
      });
    });
  }
}

function argvOf({ command, usePTY }: ShellArgs): string[] {
  const argv = typeof command === "string" ? ["/bin/sh", "-c", command] : [...command];
  if (usePTY !== true) return argv;
  // Node has no terminals; `script` of util-linux does.
  const quoted = argv.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(" ");
  return ["script", "--quiet", "--return", "--command", quoted, "/dev/null"];
}

/** The worker's own environment with what the master wants: a list is a search path, null takes a variable away, `${NAME}` is replaced. */
function environment(wanted: NonNullable<ShellArgs["env"]>, cwd: string): Record<string, string> {
  const env: Record<string, string | undefined> = { ...process.env, PWD: cwd };
  for (const [name, value] of Object.entries(wanted)) {
    const text = value === null ? undefined : [value].flat().join(delimiter);
    env[name] = text?.replace(/\$\{(\w+)\}/g, (_, other: string) => process.env[other] ?? "");
  }
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function introduction(args: ShellArgs, cwd: string, argv: readonly string[], env: Record<string, string>): string {
  const { command, timeout, maxTime, logEnviron } = args;
  const lines = [
    typeof command === "string" ? command : command.join(" "),
    ` in dir ${cwd} (timeout ${timeout ?? "none"}, at most ${maxTime ?? "any number of"} seconds)`,
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
