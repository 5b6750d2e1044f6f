// The options of `pb call` and `pb doctor`, which connect and can log in.

import { Option } from "commander";
import type { Command } from "commander";
import { DEFAULT_TIMEOUT } from "./deadline.js";

/** The options of the commands that can log in, and the time that they may take. */
export function addConnectionOptions(command: Command): Command {
  return command
    .option("--login <user>", "log in with this name and a password")
    .option("--anonymous", "log in as a guest")
    .option("--token", "log in with a bearer token; the connection must be encrypted")
    .option("--secret-env <name>", "the variable with the password or the token (default: PB_PASSWORD or PB_TOKEN)")
    .option("--secret-file <file>", "the file with the password or the token in its first line")
    .addOption(new Option("--timeout <seconds>", "the longest time for everything").default(DEFAULT_TIMEOUT))
    .option("--json", "print one line of JSON");
}
