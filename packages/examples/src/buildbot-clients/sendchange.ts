// Sends a change to a Buildbot master: sendchange.ts tcp:HOST:PORT --auth USER:PASSWORD --who WHO [--branch B] … FILE…

import { connect } from "@pb/node-transport";
import { login, UsernamePassword } from "@pb/cred";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    auth: { type: "string", default: "change:changepw" },
    who: { type: "string", default: "" },
    branch: { type: "string" },
    revision: { type: "string" },
    comments: { type: "string", default: "" },
    category: { type: "string" },
    project: { type: "string", default: "" },
    repository: { type: "string", default: "" },
    property: { type: "string", multiple: true, default: [] },
  },
});
const { auth, property, ...change } = values;
const [master = "tcp:localhost:9989", ...files] = positionals;
const [user, password] = split(auth);

await using connection = await connect(master);
const avatar = await login<{ addChange(change: object): null }>(connection, new UsernamePassword(user, password));
await avatar.callRemote("addChange", { ...change, files, properties: Object.fromEntries(property.map(split)) });
console.log("change sent successfully");

/** Splits "name:value". */
function split(text: string): [string, string] {
  const [name = "", ...rest] = text.split(":");
  return [name, rest.join(":")];
}
