// Calls each method of pbinterop. (Twisted's example comes without a client.)

import { Referenceable, remoteCopy, RemoteCopy, RemoteError } from "@pb/broker";
import { tuple, TypeRegistry } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";

class Copied extends RemoteCopy {
  declare x: unknown;
}

export class Hello extends Referenceable {
  remote_hello(): string {
    console.log("server called hello()");
    return "hello, world";
  }
}

const types = new TypeRegistry().register(remoteCopy("twisted.spread.flavors.Copyable", Copied));
await using connection = await connect(`tcp:localhost:${process.argv[2] ?? 8789}`, { broker: { types } });
const root = await connection.getRootObject();

async function call(name: string, ...args: unknown[]): Promise<unknown> {
  try {
    const result: unknown = await root.callRemote(name, ...args);
    if (result instanceof Copied) console.log(name, "-> Copied", result.x);
    else console.log(name, "->", result);
    return result;
  } catch (error) {
    if (!(error instanceof RemoteError)) throw error;
    console.log(name, "-> error", error.remoteType);
    return undefined;
  }
}

for (const name of ["int", "string", "unicode", "float", "list"]) await call(name);
const list = (await root.callRemote("recursive")) as unknown[];
console.log("recursive -> a list that holds itself:", list[0] === list, list.length);
await call("dict");
const reference = await call("reference");
console.log("the same reference twice:", (await root.callRemote("reference")) === reference);
await call("local", new Hello());
await call("receive", [1, 1.5, "hi", "hi", new Map([[1, 2]])]);
await call("receive", [1, 2]);
await call("self", root);
await call("self", null);
await call("copy", 5);
await call("copy", ["a", tuple(1, null), { k: true }]);
await call("nosuch");
