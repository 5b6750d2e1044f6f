// The arguments and the help of `pb typegen`.

import type { Command } from "commander";
import { DEFAULT_TIMEOUT } from "../deadline.js";
import { examples } from "../help.js";
import type { CliIo } from "../io.js";
import type { TypegenFlags } from "./typegen.js";

export function addTypegen(program: Command, io: CliIo, done: (status: number) => void): void {
  program
    .command("typegen")
    .description("Write the types of a Python program: interfaces, parameter lists and copies.")
    .argument("<target...>", "module, module:Class, file.py or file.py:Class")
    .option("--python <interpreter>", "the Python that can import the modules", "python3")
    .option("-o, --output <file>", "the TypeScript file; without it, the types are printed")
    .option("--check", "write nothing, and fail if the file is out of date")
    .option("--timeout <seconds>", "the longest time that the import may take", DEFAULT_TIMEOUT)
    .option("--json", "print one line of JSON: the differences and errors")
    .addHelpText(
      "after",
      `
The interpreter imports the modules, which must have Twisted. Reactors do not run, listen or connect meanwhile.
${examples(
  "pb typegen shop:Shop -o src/shop.ts",
  "pb typegen --python .venv/bin/python shop server.py:Root -o src/shop.ts",
  "pb typegen shop:Shop -o src/shop.ts --check",
)}`,
    )
    .action(async (targets: string[], flags: TypegenFlags) => {
      const { typegen } = await import("./typegen.js");
      done(await typegen(targets, flags, io));
    });
}
