import { PBError, Root } from "@pb/broker";
import { withDefaultWatcher } from "@pb/transport";
import type { BrokerEvent, BrokerOptions } from "@pb/broker";
import { expect, test } from "vitest";
import { connectTo, serve } from "./support/memory-network.js";

class Faulty extends Root {
  remote_fault(): unknown {
    return (undefined as unknown as { length: number }).length;
  }
  remote_refuse(): never {
    throw new PBError("no");
  }
}

/** Calls a method with a bug and a method that throws on purpose, and returns the warnings. */
async function warningsOf(options?: BrokerOptions): Promise<string[]> {
  const warnings: string[] = [];
  const { network } = serve(new Faulty(), {
    broker: withDefaultWatcher(options, (message) => warnings.push(message)),
  });
  const root = await (await connectTo(network)).getRootObject<Faulty>();
  await expect(root.callRemote("fault")).rejects.toThrow("(message withheld)");
  await expect(root.callRemote("refuse")).rejects.toThrow("no");
  return warnings;
}

test("warns of an error in a method, with its stack, and not of an error that was thrown on purpose", async () => {
  const warnings = await warningsOf();
  expect(warnings.map((message) => message.split("\n")[0])).toEqual([
    "The remote method fault failed: TypeError: Cannot read properties of undefined (reading 'length')",
  ]);
  expect(warnings[0]).toMatch(/at Faulty\.remote_fault/);
});

test("warns if `onEvent` is given as undefined", async () => {
  expect(await warningsOf({ onEvent: undefined })).toHaveLength(1);
});

test("does not warn if the program observes events itself", async () => {
  const events: BrokerEvent[] = [];
  expect(await warningsOf({ onEvent: (event) => events.push(event) })).toEqual([]);
  expect(events.map(({ kind }) => kind)).toEqual(["method-failed"]);
});
