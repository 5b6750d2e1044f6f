// Errors of registered classes at Twisted clients: one that has not registered the class, and one that has.

import { Root } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { listen } from "@pb/node-transport";
import { describe, expect, inject, test } from "vitest";
import { Program } from "../process/program.js";
import { pythonEnvironment } from "../twisted/twisted.js";

class OutOfStock extends Error {
  item = "pears";
}

class Shop extends Root {
  remote_buy(): never {
    throw new OutOfStock("no pears");
  }

  remote_ping(): string {
    return "alive";
  }
}

/** Calls `buy`, prints the class and what it knows of the error, and then calls `ping`. */
const client = `
import sys
from twisted.internet import reactor
from twisted.spread import pb
class OutOfStock(pb.Error, pb.RemoteCopy):
    pass
if sys.argv[2] == "registered":
    pb.setUnjellyableForClass("shop.OutOfStock", OutOfStock)
def failed(failure):
    print(failure.check("shop.OutOfStock", OutOfStock), getattr(failure.value, "item", None), failure.getErrorMessage())
def called(root):
    buy = root.callRemote("buy")
    buy.addErrback(failed)
    ping = buy.addCallback(lambda _: root.callRemote("ping"))
    ping.addBoth(lambda result: print(getattr(result, "type", result)))
    ping.addBoth(lambda _: factory.disconnect())
factory = pb.PBClientFactory()
factory.clientConnectionLost = lambda *_: reactor.stop()
reactor.connectTCP("127.0.0.1", int(sys.argv[1]), factory)
factory.getRootObject().addCallback(called)
reactor.run()
`;

describe.each(inject("twisteds"))("Twisted $version", ({ python }) => {
  async function run(known: "registered" | "unknown", errorCopies: boolean): Promise<string[]> {
    const types = new TypeRegistry().registerCopy("shop.OutOfStock", OutOfStock);
    await using server = await listen("tcp:0:interface=127.0.0.1", new Shop(), { broker: { types, errorCopies } });
    const args = ["-c", client, String(server.port), known];
    await using program = new Program("the client", [python, ...args], { env: pythonEnvironment() });
    await program.exit;
    return program.stdout.trim().split("\n");
  }

  test("reads the name and the message by default, whether it knows the class or not", async () => {
    expect(await run("unknown", false)).toEqual(["shop.OutOfStock None no pears", "alive"]);
    expect(await run("registered", false)).toEqual(["shop.OutOfStock None no pears", "alive"]);
  });

  test("reads the properties of a class that it knows with errorCopies, and closes the connection otherwise", async () => {
    const [read, ping] = await run("registered", true);
    expect(read).toMatch(/OutOfStock.* pears/);
    expect(ping).toBe("alive");
    expect((await run("unknown", true)).at(-1)).not.toBe("alive");
  });
});
