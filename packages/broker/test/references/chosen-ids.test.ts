// Ids that a peer has chosen so that V8 gives them the same hash.

import { expect, test } from "vitest";
import { remoteCache, RemoteCache } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { collidingIntegers } from "../../../jelly-types/test/helpers/colliding-keys.js";
import { processorTime, sexp } from "../../../jelly-types/test/helpers/support.js";
import { brokerAndPeer, settled } from "../support/raw-peer.js";

class Stock extends RemoteCache {}

/** A Map with these keys takes a second. */
const ids = collidingIntegers(20_000);

test.each<[string, (id: number) => Parameters<typeof sexp>[0]]>([
  ["references", (id) => ["remote", id]],
  ["caches", (id) => ["shop.Stock", id, ["None"]]],
])("%s with such ids cost no more than others", async (_, write) => {
  const types = new TypeRegistry().register(remoteCache("shop.Stock", Stock));
  const { peer, broker } = await brokerAndPeer("initiator", { types });
  const root = await broker.getRootObject();
  const call = root.callRemote("a");
  await settled();
  const answer = sexp(["answer", 1, ["list", ...ids.map(write)]]);
  let sent: Promise<void> | undefined;
  expect(processorTime(() => (sent = peer.send(answer)))).toBeLessThan(1000);
  await sent;
  expect(await call).toHaveLength(ids.length);
  await broker.close();
});
