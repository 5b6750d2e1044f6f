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
    expect(client.leakReport()).toMatch(
      /^object 1: 1 references\n {4}in the answer to give\n {4}at .*leak-report\.test\.ts/,
    );
    reference[Symbol.dispose]();
    expect(client.leakReport()).toBe("");
    await client.close();
    expect(client.leakReport()).toBe("");
    await expect(reference.callRemote("list")).rejects.not.toBeInstanceOf(ConnectionLostError);
  });

  test("counts the objects that were given by class, and by the calls that have sent them", async () => {
    const prices = new Prices();
    class Source extends Root {
      readonly held: unknown[] = [];
      remote_give(): Prices {
        return new Prices();
      }
      remote_same(): readonly Prices[] {
        return [prices, prices];
      }
      remote_keep(thing: unknown): void {
        this.held.push(thing);
      }
    }
    const { client, server } = await connectedPair({ root: new Source(), traceReferences: true });
    const root = await client.getRootObject<Source>();
    using _first = await root.callRemote("give");
    using _second = await root.callRemote("give");
    const [same] = await root.callRemote("same");
    expect(server.leakReport()).toBe(
      "given Prices: 4 references\ngiven Prices in the answer to give: 2 references\ngiven Prices in the answer to same: 2 references",
    );
    await root.callRemote("keep", new Prices());
    expect(server.leakReport()).toMatch(
      /^object 1: 1 references\n {4}in an argument of keep\ngiven Prices: 4 references/,
    );
    expect(client.leakReport()).toBe("given Prices: 1 references");
    same![Symbol.dispose]();
  });
});
