// The commands of `pb` and their exit statuses. `command.ts` in the folder of a command has its options and its help. A
// command is loaded when it is used, so that `pb` starts quickly.

import { Command, CommanderError } from "commander";
import { addSessions, addTop } from "./admin/command.js";
import { addCall } from "./call/command.js";
import { completionScript, shells } from "./completion.js";
import { addDecode, addStats } from "./decode/command.js";
import { addDoctor } from "./doctor/command.js";
import { codeOf, exitStatus, statusOf } from "./errors.js";
import { addGateway } from "./gateway/command.js";
import { examples } from "./help.js";
import { columnsOf, painter } from "./io.js";
import type { CliIo } from "./io.js";
import { addPasswd } from "./passwd/command.js";
import { addReplay } from "./replay/command.js";
import { addTap } from "./tap/command.js";
import { addTypegen } from "./typegen/command.js";

declare const PB_VERSION: string | undefined;

/**
 * Runs `pb` with its arguments, without the names of the program. Resolves with the exit status: see the table in the
 * README. Errors are written to `given.stderr`, and with `--json` to `given.stdout`.
 */
export async function run(args: readonly string[], given: CliIo): Promise<number> {
  const io = { ...given, secrets: new Set<string>() };
  const state = { status: exitStatus.success as number };
  const program = makeProgram(io, (status) => (state.status = status));
  try {
    await program.parseAsync(args, { from: "user" });
    return state.status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitStatus.success : exitStatus.usage;
    return report(error, args.includes("--json"), io);
  }
}

async function report(error: unknown, isJson: boolean, io: CliIo): Promise<number> {
  // A recording that could not be written is an error also at the end of a tap that was interrupted.
  const isInterrupted = io.signal.aborted && codeOf(error) !== "CLI_FILE";
  const status = isInterrupted ? exitStatus.interrupted : statusOf(error);
  if (status === exitStatus.interrupted) return status;
  const { describeFailure, failureJson } = await import("./failure.js");
  if (isJson) io.stdout.write(`${failureJson(error, io.secrets)}\n`);
  const isBug = status === exitStatus.internal && error instanceof Error;
  const text = isBug ? `a bug in pb: ${error.stack ?? error.message}` : describeFailure(error, io.secrets);
  const code = codeOf(error);
  const name = painter(io.stderr, io.env)("red", "pb:");
  io.stderr.write(`${name} ${text}${code === undefined || isBug ? "" : ` (${code})`}\n`);
  return status;
}

const exitHelp = `
Exit status:
  0 success            1 the peer answered with an error
  2 wrong arguments    3 no connection
  4 login refused      5 not Perspective Broker, or the connection was lost
  6 timeout            7 a difference was found
  130 interrupted`;

function makeProgram(io: CliIo, done: (status: number) => void): Command {
  const program = new Command("pb")
    .description("Call, check and decode programs that speak Perspective Broker, in TypeScript and in Python.")
    .version(typeof PB_VERSION === "undefined" ? "0.0.0" : PB_VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      getOutHelpWidth: () => helpWidth(columnsOf(io.stdout)),
      getErrHelpWidth: () => helpWidth(columnsOf(io.stderr)),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError()
    .helpCommand("help [command]", "show the help of a command")
    .addHelpText(
      "after",
      examples("pb doctor tcp:localhost:8787", "pb call tcp:localhost:8787 root.add 1 2") + exitHelp,
    );
  addCall(program, io, done);
  addDoctor(program, io, done);
  addTap(program, io, done);
  addDecode(program, io, done);
  addStats(program, io, done);
  addReplay(program, io, done);
  addGateway(program, io, done);
  addTypegen(program, io, done);
  addTop(program, io, done);
  addSessions(program, io, done);
  addPasswd(program, io, done);
  addCompletion(program, io);
  return program;
}

/** Help that is not written to a terminal has the width of one. */
function helpWidth(columns: number): number {
  return columns === Infinity ? 80 : columns;
}

function addCompletion(program: Command, io: CliIo): void {
  program
    .command("completion")
    .description("Print a script that completes commands and options in a shell.")
    .addArgument(program.createArgument("<shell>", "the shell").choices(shells))
    .addHelpText(
      "after",
      examples("pb completion bash >> ~/.bashrc", "pb completion zsh >> ~/.zshrc", "pb completion fish | source"),
    )
    .action((shell: string) => void io.stdout.write(completionScript(shell, program)));
}
