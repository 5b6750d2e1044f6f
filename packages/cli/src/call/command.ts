// The arguments and the help of `pb call`.

import type { Command } from "commander";
import { addConnectionOptions } from "../connection-options.js";
import { collect, endpointHelp, examples } from "../help.js";
import type { CliIo } from "../io.js";
import type { CallFlags } from "./call.js";

export function addCall(program: Command, io: CliIo, done: (status: number) => void): void {
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
      const { call } = await import("./call.js");
      done(await call([endpoint, path, ...texts], flags, io));
    });
}
