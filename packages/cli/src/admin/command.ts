// The arguments and the help of `pb top` and `pb sessions`.

import { Option } from "commander";
import type { Command } from "commander";
import { DEFAULT_TIMEOUT } from "../deadline.js";
import { examples } from "../help.js";
import type { CliIo } from "../io.js";
import type { SessionsFlags } from "./sessions.js";
import type { TopFlags } from "./top.js";

const adminHelp = "the admin socket of the server, such as /run/shop/admin.sock";

export function addTop(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("top")
    .description("Show the connections of a server: on a terminal again and again, elsewhere once.")
    .argument("<socket>", adminHelp)
    .addOption(
      new Option("--sort <column>", "what is highest first")
        .choices(["calls", "queued", "refs", "in", "out", "age", "rtt"])
        .default("calls"),
    )
    .option("--interval <seconds>", "the time between two tables", "2")
    .option("--times <number>", "how many tables (default: on a terminal until Ctrl-C, elsewhere 1)")
    .option(
      "--rows <number>",
      "how many connections (default: as many as fit into the terminal, 1000 as JSON, elsewhere 20)",
    )
    .option("--timeout <seconds>", "the longest time to connect, and for the answers of one table", DEFAULT_TIMEOUT)
    .option("--json", "print each table as a line of JSON")
    .addHelpText(
      "after",
      examples(
        "pb top /run/shop/admin.sock",
        "pb top /run/shop/admin.sock --sort queued --times 1",
        "pb top --json -- /run/shop/admin.sock",
      ),
    )
    .action(async (socket: string, flags: TopFlags) => {
      const { top } = await import("./top.js");
      done(await top(socket, flags, io));
    });
}

export function addSessions(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("sessions")
    .description("Show who is logged in to a server, or end sessions.")
    .argument("<socket>", adminHelp)
    .option("--disconnect <user>", "end the sessions of a user, and refuse logins until --readmit")
    .option("--for <seconds>", "with --disconnect: refuse logins for this time only; 0 refuses none")
    .option("--until-change", "with --disconnect: refuse logins until the password has changed")
    .option("--readmit <user>", "accept logins of a user again")
    .option("--revalidate", "end the sessions of users whose password has changed, or who are gone")
    .option("--timeout <seconds>", "the longest time for everything", DEFAULT_TIMEOUT)
    .option("--json", "print one line of JSON")
    .addHelpText(
      "after",
      examples(
        "pb sessions /run/shop/admin.sock",
        "pb sessions /run/shop/admin.sock --disconnect ann --for 600",
        "pb sessions /run/shop/admin.sock --revalidate",
      ),
    )
    .action(async (socket: string, flags: SessionsFlags) => {
      const { sessions } = await import("./sessions.js");
      done(await sessions(socket, flags, io));
    });
}
