// Two concurrent calls, one of which fails with an error that has a local class. (examples/pbechoclient.py)

import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import type { SimplePerspective } from "./pbecho.js";

class DefinedError extends Error {
  override readonly name = "DefinedError";
}

const errorClasses = { "pbecho.DefinedError": DefinedError };
await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8787}`, { broker: { errorClasses } });
const perspective = await login<SimplePerspective>(connection, new UsernamePassword("guest", "guest"));
const calls = [perspective.callRemote("echo", "hello world"), perspective.callRemote("error")];
console.log("connected.");
for (const outcome of await Promise.allSettled(calls)) {
  if (outcome.status === "fulfilled") console.log("Message received:", outcome.value);
  else if (outcome.reason instanceof DefinedError) console.log("error received:", outcome.reason.name);
  else throw outcome.reason;
}
