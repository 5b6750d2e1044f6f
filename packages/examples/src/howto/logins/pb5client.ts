// Logs in and calls a method of the avatar. (howto/pb/pb5client.py)

import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import type { MyPerspective } from "./pb5server.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const perspective = await login<MyPerspective>(connection, new UsernamePassword("user1", "pass1"));
console.log("got perspective ref:", perspective);
console.log("asking it to foo(12)");
await perspective.callRemote("foo", 12);
