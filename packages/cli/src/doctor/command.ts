// The arguments and the help of `pb doctor`.

import type { Command } from "commander";
import { addConnectionOptions } from "../connection-options.js";
import { endpointHelp, examples } from "../help.js";
import type { CliIo } from "../io.js";
import type { DoctorFlags } from "./doctor.js";

export function addDoctor(program: Command, io: CliIo, done: (status: number) => void): void {
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
      const { doctor } = await import("./doctor.js");
      done(await doctor(endpoint, flags, io));
    });
}
