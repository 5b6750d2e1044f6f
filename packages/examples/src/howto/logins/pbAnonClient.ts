// Logs in twice over one connection: anonymously, and with a password. (howto/pb/pbAnonClient.py)

import { Anonymous, login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import type { MyPerspective } from "./pbAnonServer.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
for (const credentials of [new Anonymous(), new UsernamePassword("user1", "pass1")]) {
  const perspective = await login<MyPerspective>(connection, credentials);
  console.log("got perspective1 ref:", perspective);
  console.log("asking it to foo(13)");
  await perspective.callRemote("foo", 13);
}
