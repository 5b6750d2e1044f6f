// Prints the properties of an error that the server raised. (howto/pb/exc_client.py)

import { RemoteError } from "@pb/broker";
import { connect } from "@pb/node-transport";
import type { One } from "./exc_server.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const one = await connection.getRootObject<One>();
try {
  // Change "broken" to "broken2" to see an unexpected error.
  await one.callRemote("broken");
  console.log("erm, it wasn't *supposed* to work..");
} catch (error) {
  if (!(error instanceof RemoteError)) throw error;
  console.log("got remote Exception");
  console.log(" .name =", error.name);
  console.log(" .message =", error.message);
  console.log(" .remoteType =", error.remoteType);
}
