// Objects of this end that stock Twisted sends back: it releases them before it answers.

import { Referenceable } from "@pb/broker";
import { connect } from "@pb/node-transport";
import { describe, expect, inject, test } from "vitest";
import { twistedServer } from "./twisted-peer.js";

class Thing extends Referenceable {}

describe.skipIf(process.platform === "win32").for(inject("twisteds"))("Twisted $version", (twisted) => {
  test("answers with an argument, which arrives as the object itself", async () => {
    await using server = await twistedServer(twisted, "tcp:0:interface=127.0.0.1");
    await using connection = await connect(`tcp:127.0.0.1:${server.port}`);
    const root = await connection.getRootObject();
    for (let round = 0; round < 20; round++) {
      const thing = new Thing();
      expect(await root.callRemote("echo", thing)).toBe(thing);
    }
    await expect.poll(() => connection.stats().referencesGiven).toBe(0);
  });
});
