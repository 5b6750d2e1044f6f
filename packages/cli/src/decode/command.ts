// The arguments and the help of `pb decode` and `pb stats`.

import type { Command } from "commander";
import { collect, examples, redactHelp } from "../help.js";
import type { CliIo } from "../io.js";
import type { DecodeFlags } from "./decode.js";
import type { StatsFlags } from "./stats.js";

export function addDecode(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("decode")
    .description("Print the messages of a recording, or of the bytes that one side has sent.")
    .argument("<file>", "a recording of pb tap, or raw bytes; - is stdin")
    .option("--redact <name>", redactHelp, collect)
    .option("--json", "print lines of JSON")
    .addHelpText("after", examples("pb decode shop.pbrec", "pb decode --json - < shop.pbrec"))
    .action(async (file: string, flags: DecodeFlags) => {
      const { decode } = await import("./decode.js");
      done(await decode(file, flags, io));
    });
}

export function addStats(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("stats")
    .description("Count the calls of a recording by method, with latencies, errors and bytes.")
    .argument("<file>", "a recording of pb tap, or raw bytes; - is stdin")
    .option("--json", "print one line of JSON")
    .addHelpText("after", examples("pb stats shop.pbrec", "pb stats --json shop.pbrec"))
    .action(async (file: string, flags: StatsFlags) => {
      const { stats } = await import("./stats.js");
      done(await stats(file, flags, io));
    });
}
