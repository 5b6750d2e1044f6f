// The commands of `pb`, their help, and their exit statuses. A command is loaded when it is used, so that `pb` starts
// quickly.

import { Command, CommanderError, Option } from "commander";
import type { CallFlags } from "./call/call.js";
import { completionScript, shells } from "./completion.js";
import { DEFAULT_TIMEOUT } from "./deadline.js";
import type { DecodeFlags } from "./decode/decode.js";
import type { StatsFlags } from "./decode/stats.js";
import type { DoctorFlags } from "./doctor/doctor.js";
import { codeOf, exitStatus, statusOf } from "./errors.js";
import { addGateway } from "./gateway/command.js";
import { collect, endpointHelp, examples, redactHelp } from "./help.js";
import { columnsOf, painter } from "./io.js";
import type { CliIo } from "./io.js";
import { addReplay } from "./replay/command.js";
import type { TapFlags } from "./tap/tap.js";
import { addTypegen } from "./typegen/command.js";

declare const PB_VERSION: string | undefined;

/**
 * Runs `pb` with its arguments, without the names of the program. Resolves with the exit status: see the table in the
 * README. Errors are written to `io.stderr`, and with `--json` to `io.stdout`.
 */
export async function run(args: readonly string[], io: CliIo): Promise<number> {
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
  const status = io.signal.aborted ? exitStatus.interrupted : statusOf(error);
  if (status === exitStatus.interrupted) return status;
  const { describeFailure, failureJson } = await import("./failure.js");
  if (isJson) io.stdout.write(`${failureJson(error)}\n`);
  const isBug = status === exitStatus.internal && error instanceof Error;
  const text = isBug ? `a bug in pb: ${error.stack ?? error.message}` : describeFailure(error);
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
  addCompletion(program, io);
  return program;
}

/** Help that is not written to a terminal has the width of one. */
function helpWidth(columns: number): number {
  return columns === Infinity ? 80 : columns;
}

/** The options of the commands that can log in, and the time that they may take. */
function addConnectionOptions(command: Command): Command {
  return command
    .option("--login <user>", "log in with this name and a password")
    .option("--anonymous", "log in as a guest")
    .option("--token", "log in with a bearer token; the connection must be encrypted")
    .option("--secret-env <name>", "the variable with the password or the token (default: PB_PASSWORD or PB_TOKEN)")
    .option("--secret-file <file>", "the file with the password or the token in its first line")
    .addOption(new Option("--timeout <seconds>", "the longest time for everything").default(DEFAULT_TIMEOUT))
    .option("--json", "print one line of JSON");
}

function addCall(program: Command, io: CliIo, done: (status: number) => void): void {
  const command = program
    .command("call")
    .description("Call a method and print its result.")
    .argument("<endpoint>", endpointHelp)
    .argument("<path>", 'root.find, root.room("lobby").members, object("shop").find')
    .argument("[arguments...]", "JSON; text that begins with a letter needs no quotes")
    .option("--kw <name=value>", "a keyword argument; can be repeated", collect)
    .passThroughOptions(false)
    .allowExcessArguments();
  addConnectionOptions(command)
    .addHelpText(
      "after",
      `
"root" is the root object, or the avatar after a login. 7 is an int and 7.0 a float. Other values:
  {"$bytes": "AP8="}  {"$hex": "00ff"}  {"$ascii": "abc"}  {"$tuple": [1, 2]}
  {"$set": [1]}  {"$frozenset": [1]}  {"$decimal": "1.10"}  {"$dict": [[1, "a"]]}  {"$float": "nan"}
  {"$date": "2026-01-31"}  {"$time": "12:00"}  {"$datetime": "2026-01-31T12:00"}  {"$timedelta": [1, 0, 0]}
Write negative numbers after --, as in: pb call ENDPOINT root.add -- -1 2
${examples(
  "pb call tcp:localhost:8787 root.find 12 --kw limit=3",
  `pb call tcp:localhost:8787 'root.room("lobby").members' --json`,
  "pb call tls:shop.example:8788 root.orders --login alice",
)}`,
    )
    .action(async (endpoint: string, path: string, texts: string[], flags: CallFlags) => {
      const { call } = await import("./call/call.js");
      done(await call([endpoint, path, ...texts], flags, io));
    });
}

function addDoctor(program: Command, io: CliIo, done: (status: number) => void): void {
  const command = program
    .command("doctor")
    .description("Find out what listens at an endpoint, and whether it can be used.")
    .argument("<endpoint>", endpointHelp)
    .option("--silence <seconds>", "how long a server may say nothing before it is asked with TLS and HTTP", "1.5");
  addConnectionOptions(command)
    .addHelpText(
      "after",
      examples(
        "pb doctor tcp:localhost:8787",
        "pb doctor tls:shop.example:8788 --login alice",
        "pb doctor tcp:localhost:8787 --json",
      ),
    )
    .action(async (endpoint: string, flags: DoctorFlags) => {
      const { doctor } = await import("./doctor/doctor.js");
      done(await doctor(endpoint, flags, io));
    });
}

function addTap(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("tap")
    .description("Pass the connections of two programs on, and show what they say. Secrets are replaced.")
    .requiredOption("--listen <endpoint>", "where clients connect: tcp:8788 (at 127.0.0.1), unix:/path")
    .requiredOption("--to <endpoint>", `the server: ${endpointHelp}`)
    .option("-o, --output <file>", "write a recording, which must not exist, for pb decode and pb stats")
    .option("--redact <name>", redactHelp, collect)
    .option("--inspect", "show the conversation on a page in the browser, at a port of 127.0.0.1")
    .option("--quiet", "print no line for each message")
    .option("--json", "print lines of JSON")
    .addHelpText(
      "after",
      examples(
        "pb tap --listen tcp:8788 --to tcp:localhost:8787",
        "pb tap --listen tcp:8788 --to tcp:localhost:8787 -o shop.pbrec --quiet",
        "pb tap --listen unix:/tmp/pb.sock --to tls:shop.example:8788 --inspect --redact ssn",
      ),
    )
    .action(async (flags: TapFlags) => {
      const { tap } = await import("./tap/tap.js");
      done(await tap(flags, program.version()!, io));
    });
}

function addDecode(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("decode")
    .description("Print the messages of a recording, or of the bytes that one side has sent.")
    .argument("<file>", "a recording of pb tap, or raw bytes; - is stdin")
    .option("--redact <name>", redactHelp, collect)
    .option("--json", "print lines of JSON")
    .addHelpText("after", examples("pb decode shop.pbrec", "pb decode --json - < shop.pbrec"))
    .action(async (file: string, flags: DecodeFlags) => {
      const { decode } = await import("./decode/decode.js");
      done(await decode(file, flags, io));
    });
}

function addStats(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("stats")
    .description("Count the calls of a recording by method, with latencies, errors and bytes.")
    .argument("<file>", "a recording of pb tap, or raw bytes; - is stdin")
    .option("--json", "print one line of JSON")
    .addHelpText("after", examples("pb stats shop.pbrec", "pb stats --json shop.pbrec"))
    .action(async (file: string, flags: StatsFlags) => {
      const { stats } = await import("./decode/stats.js");
      done(await stats(file, flags, io));
    });
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
