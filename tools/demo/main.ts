// npm run demo: exits with status 0 when the programs did everything that the demo shows. With `web`, serves a page.
// With `cluster`, runs three nodes and a nats-server, which has to be installed.

import { findTwisted } from "../twisted/twisted.js";
import { runClusterDemo } from "./cluster/demo.js";
import { runDemo } from "./demo.js";

if (process.argv[2] === "web") {
  process.argv.splice(2, 1);
  await import("../../packages/examples/src/web-auction/main.js");
} else {
  await play();
}

async function play(): Promise<void> {
  // The exit handlers kill the started programs. A signal alone would not run them.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

  try {
    if (process.argv[2] === "cluster") await runClusterDemo(console.log);
    else await runDemo({ print: console.log, findTwisted, needsTwisted: process.env.CI === "true" });
  } catch (error) {
    console.error(`\nTHE DEMO FAILED: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
