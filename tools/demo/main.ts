// npm run demo: ends by itself, with status 0 when everything it shows happened.

import { findTwisted } from "../twisted/twisted.js";
import { runDemo } from "./demo.js";

// The programs it started end with it: they are told at its exit, which a signal alone is not.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

try {
  await runDemo({
    print: (line) => console.log(line),
    findTwisted: () => findTwisted(),
    needsTwisted: process.env.CI === "true",
  });
} catch (error) {
  console.error(`\nTHE DEMO FAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
