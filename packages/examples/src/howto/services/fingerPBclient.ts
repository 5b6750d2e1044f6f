// Requests the status of a user. (the finger tutorial's fingerPBclient.py)

import { connect } from "@pb/node-transport";
import type { PerspectiveFinger } from "./finger21.js";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8889}`);
const finger = await connection.getRootObject<PerspectiveFinger>();
const moshez = new TextEncoder().encode("moshez");
console.log("getUser(bytes of moshez) ->", text(await finger.callRemote("getUser", moshez)));
console.log("getUser('moshez') ->", text(await finger.callRemote("getUser", "moshez")));
console.log("getUsers() ->", (await finger.callRemote("getUsers")).map(text).sort());
