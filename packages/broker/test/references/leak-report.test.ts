// The report of references that are held (`traceReferences`).

import { describe, expect, test } from "vitest";
import { ConnectionLostError, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { Prices } from "../support/prices.js";

describe("leakReport", () => {
  test("contains the place where each reference reference arrived", async () => {
    class Source extends Root {
      remote_give(): Prices {
        return new Prices();
      }
    }
    const { client } = await connectedPair({ root: new Source() }, { traceReferences: true });
    const root = await client.getRootObject<Source>();
    const reference = await root.callRemote("give");
    expect(client.leakReport()).toMatch(/^object 1: 1 references\n {4}at /);
    reference[Symbol.dispose]();
    expect(client.leakReport()).toBe("");
    await client.close();
    await expect(reference.callRemote("list")).rejects.not.toBeInstanceOf(ConnectionLostError);
  });
});
