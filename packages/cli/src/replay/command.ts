// The arguments and the help of `pb replay`.

import { Option } from "commander";
import type { Command } from "commander";
import { DEFAULT_TIMEOUT } from "../deadline.js";
import { collect, endpointHelp, examples, redactHelp } from "../help.js";
import type { CliIo } from "../io.js";
import type { ReplayFlags } from "./replay.js";

export function addReplay(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("replay")
    .description("Stand in for one end of a recorded connection, and compare what the other end does.")
    .argument("<file>", "a recording of pb tap")
    .addOption(new Option("--as <side>", "the end to stand in for").choices(["server", "client"]).makeOptionMandatory())
    .option("--listen <endpoint>", "where the client connects: tcp:8787 (at 127.0.0.1), unix:/path")
    .option("--to <endpoint>", `the server: ${endpointHelp}`)
    .option("--connection <number>", "the connection of the recording (default: the first with messages)")
    .option("--strict", "compare everything: the order of messages, sets and dicts, when references are released")
    .option("--timing", "send messages at the pace of the recording (default: as soon as possible)")
    .option("--ignore <name>", "do not compare the values of this method or field; can be repeated", collect)
    .option("--redact <name>", redactHelp, collect)
    .option("--secret-env <name>", "the variable with the password or the token of a login (default: PB_PASSWORD)")
    .option("--secret-file <file>", "the file with the password or the token in its first line")
    .option("--timeout <seconds>", "the longest time until the next message", DEFAULT_TIMEOUT)
    .option("--json", "print lines of JSON")
    .addHelpText(
      "after",
      examples(
        "pb replay shop.pbrec --as server --listen tcp:8787",
        "pb replay shop.pbrec --as client --to tcp:localhost:8787 --ignore timestamp",
        "pb replay shop.pbrec --as client --to tcp:localhost:8787 --strict --timing --json",
      ),
    )
    .action(async (file: string, flags: ReplayFlags) => {
      const { replay } = await import("./replay.js");
      done(await replay(file, flags, io));
    });
}
