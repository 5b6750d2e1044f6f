// The arguments and the help of `pb tap`.

import type { Command } from "commander";
import { collect, endpointHelp, examples, redactHelp } from "../help.js";
import type { CliIo } from "../io.js";
import type { TapFlags } from "./tap.js";

export function addTap(program: Command, io: CliIo, done: (status: number) => void): void {
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
      const { tap } = await import("./tap.js");
      done(await tap(flags, program.version()!, io));
    });
}
