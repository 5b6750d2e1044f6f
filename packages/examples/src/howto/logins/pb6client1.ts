// Logs in as the first of two users. (howto/pb/pb6client1.py)

import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import type { MyPerspective } from "./pb6server.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const perspective = await login<MyPerspective>(connection, new UsernamePassword("user1", "pass1"));
console.log("got perspective1 ref:", perspective);
console.log("asking it to foo(13)");
await perspective.callRemote("foo", 13);
