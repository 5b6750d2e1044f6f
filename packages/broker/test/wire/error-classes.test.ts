// Errors of the peer that arrive as classes of the program (`errorClasses`).

import { describe, expect, test } from "vitest";
import { RemoteError } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { Prices, LocalSoldOut, open } from "../support/prices.js";

describe("an error of the peer", () => {
  test("arrives as the class in `errorClasses`, with the RemoteError as its cause", async () => {
    const { root, client } = await open();
    const error = (await root.callRemote("fail", "out").catch((reason: unknown) => reason)) as LocalSoldOut;
    expect(error).toBeInstanceOf(LocalSoldOut);
    expect(error.message).toBe("no apples");
    expect((error.cause as RemoteError).is("twisted.spread.pb.Error")).toBe(true);
    const other = await root.callRemote("fail", "other").catch((reason: unknown) => reason);
    expect(other).toBeInstanceOf(RemoteError);
    await client.close();
  });

  test("arrives as the most derived of several matching classes", async () => {
    class Expected extends Error {}
    const { client } = await connectedPair(
      { root: new Prices() },
      { errorClasses: { "twisted.spread.pb.Error": Expected, "shop.SoldOut": LocalSoldOut } },
    );
    const root = await client.getRootObject<Prices>();
    expect(await root.callRemote("fail", "out").catch((reason: unknown) => reason)).toBeInstanceOf(LocalSoldOut);
    expect(await root.callRemote("fail", "other").catch((reason: unknown) => reason)).toBeInstanceOf(Expected);
    await client.close();
  });
});
