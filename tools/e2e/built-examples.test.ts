// The bundled examples need nothing that an installation does not bring, and leave nothing behind.

import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { Program } from "../process/program.js";
import { BuiltExamples } from "./built-examples.js";

test("bundles the examples outside the checkout, and deletes the bundles", async () => {
  let file: string;
  {
    using examples = await BuiltExamples.build();
    const command = examples.command("howto/pb_exceptions");
    file = command[1]!;
    expect(file).not.toContain("node_modules"); // a fresh checkout has no node_modules/.cache
    await using program = new Program("pb_exceptions", command);
    await program.waitForOutput("builtins.ValueError\n");
    expect(await program.exit).toBe(0);
  }
  expect(existsSync(file)).toBe(false);
});
