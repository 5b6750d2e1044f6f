// Prints the bytes of memory that one reference and one cache is charged, and the bytes that it takes. Run with
// `--expose-gc`.

import { encode, pb } from "@pb/banana";
import { remoteCache, RemoteCache } from "@pb/broker";
import { TypeRegistry } from "@pb/jelly-types";
import { sexp as bytes } from "../../../jelly-types/test/helpers/support.js";
import { brokerAndPeer, settled } from "./raw-peer.js";

type Wire = Parameters<typeof bytes>[0];

const COUNT = 5000;

class Stock extends RemoteCache {}

let charged = 0;
const types = new TypeRegistry().register(remoteCache("test.Stock", Stock)).register({
  atoms: ["measured"],
  classes: [],
  unjelly(unjellier) {
    const { left } = unjellier.heap;
    let transient = 0;
    const chargeTransient = unjellier.chargeTransient.bind(unjellier);
    unjellier.chargeTransient = (bytes) => {
      transient += bytes;
      chargeTransient(bytes);
    };
    const value = unjellier.read();
    Reflect.deleteProperty(unjellier, "chargeTransient");
    charged = left - unjellier.heap.left - transient;
    return value;
  },
});

/** What arrives: objects of the peer, each for the first time, again, and caches with an empty state. */
const arrivals: Record<string, (id: number) => Wire> = {
  reference: (id) => ["remote", id],
  "reference that is held": (id) => ["remote", 1 + (id % 100)],
  cache: (id) => ["test.Stock", id, ["dictionary"]],
};

async function bytesInUse(): Promise<number> {
  for (let round = 0; round < 4; round++) {
    await settled();
    globalThis.gc!();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const limits = { messageHeapBytes: 2 ** 30, connectionHeapBytes: 2 ** 30, processHeapBytes: 2 ** 31 };
const { broker, peer } = await brokerAndPeer("initiator", { types, limits, onEvent: () => undefined });
const root = await broker.getRootObject();
const rows: { name: string; charged: number; measured: number }[] = [];
const kept: unknown[] = [];
let calls = 0;
let nextId = 1;

/** Receives the list in an answer. Returns what each element takes, without its place in the list. */
async function measure(make: (id: number) => Wire): Promise<number> {
  const message = encode(
    bytes(["answer", ++calls, ["measured", ["list", ...Array.from({ length: COUNT }, () => make(nextId++))]]]),
    { dialect: pb },
  );
  const answer = root.callRemote("get");
  await settled();
  peer.takeExpressions();
  const before = await bytesInUse();
  await peer.sendBytes(message);
  kept.push(await answer);
  return ((await bytesInUse()) - before) / COUNT - 8;
}

for (const [name, make] of Object.entries(arrivals)) {
  await measure(make); // Warms up.
  const samples = [await measure(make), await measure(make), await measure(make)].sort((a, b) => a - b);
  rows.push({ name, charged: charged / COUNT - 8, measured: samples[1]! });
}
console.log(JSON.stringify(rows));
process.exit(kept.length > 0 ? 0 : 1);
