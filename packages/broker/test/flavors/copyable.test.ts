// Copies of objects of registered classes.

import { describe, expect, test } from "vitest";
import { Root } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { connectedPair } from "@pb/broker/testing";

describe("types", () => {
  test("can be registered while connected", async () => {
    class Color {
      constructor(readonly name: string) {}
    }
    class Painter extends Root {
      remote_paint(): Color {
        return new Color("red");
      }
    }
    const ours = new TypeRegistry();
    const theirs = new TypeRegistry();
    const { client } = await connectedPair({ root: new Painter(), types: ours }, { types: theirs });
    const root = await client.getRootObject<Painter>();
    await expect(root.callRemote("paint")).rejects.toThrow("cannot be sent");
    ours.registerCopy("test.Color", Color);
    await expect(root.callRemote("paint")).rejects.toThrow("test.Color");
    theirs.registerCopy("test.Color", Color);
    const color = await root.callRemote("paint");
    expect(color).toBeInstanceOf(Color);
    expect(color.name).toBe("red");
    await client.close();
  });
});
