// The arguments and the help of `pb passwd`.

import { Option } from "commander";
import type { Command } from "commander";
import { examples } from "../help.js";
import type { CliIo } from "../io.js";
import type { PasswdFlags } from "./passwd.js";

export function addPasswd(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("passwd")
    .description("Add, change, check or remove users of a password file.")
    .argument("<file>", "lines of the form name:password, as FilePasswordDB of @pb/cred reads them")
    .argument("[user]", "the user; without one, the users are listed")
    .addOption(
      new Option(
        "--form <form...>",
        "how to store the password (default: as the file does; scram-sha-256 in a new one)",
      ).choices(["scram-sha-256", "md5", "scrypt", "plain"]),
    )
    .option("--create", "make the file, with the mode 600")
    .option("--check", "only check the password")
    .option("--remove", "remove the user")
    .option("--json", "print one line of JSON")
    .addHelpText(
      "after",
      `
The password is asked for on the terminal, or is the first line of stdin. It is never an argument: other users of
the machine can see those.
${examples(
  "pb passwd /etc/shop/users ann --create",
  "pb passwd /etc/shop/users ann --form scram-sha-256 md5",
  "pb passwd /etc/shop/users ann --remove",
  "pb passwd /etc/shop/users",
)}`,
    )
    .action(async (file: string, user: string | undefined, flags: PasswdFlags) => {
      const { passwd } = await import("./passwd.js");
      done(await passwd(file, user, flags, io));
    });
}
