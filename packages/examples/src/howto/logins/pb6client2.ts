// Logs in as the second of two users. (howto/pb/pb6client2.py)

import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import type { MyPerspective } from "./pb6server.js";

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`);
const perspective = await login<MyPerspective>(connection, new UsernamePassword("user2", "pass2"));
console.log("got perspective2 ref:", perspective);
console.log("asking it to foo(14)");
await perspective.callRemote("foo", 14);
