// Calls the server as often as possible, until the process is stopped. (examples/pbbenchclient.py)

import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import type { PBBenchPerspective } from "./pbbenchserver.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8787}`);
const perspective = await login<PBBenchPerspective>(connection, new UsernamePassword("benchmark", "benchmark"));
let calledThisSecond = 0;
let lastSecond = Math.floor(Date.now() / 1000);
for (;;) {
  await Promise.all([perspective.callRemote("simple"), perspective.callRemote("complexTypes")]);
  calledThisSecond++;
  const thisSecond = Math.floor(Date.now() / 1000);
  if (thisSecond !== lastSecond) {
    console.log("cps:", calledThisSecond);
    calledThisSecond = 0;
    lastSecond = thisSecond;
  }
}
