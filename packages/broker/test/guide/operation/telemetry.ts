import { Root } from "@pb/broker";
import type { BrokerOptions } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Shop extends Root {
  remote_price(fruit: string) {
    if (fruit !== "apple") throw new RangeError(`no ${fruit}`);
    return 7;
  }
}

const counts = new Map<string, number>();
const spans: string[] = [];

const telemetry: BrokerOptions["telemetry"] = {
  incoming({ type = "none", method = "_OTHER", requested, traceparent }) {
    return {
      settled({ outcome, errorClass = "none" }) {
        const labels = `${type}.${method} ${outcome} ${errorClass}`; // a small number of them, whatever peers send
        counts.set(labels, (counts.get(labels) ?? 0) + 1);
        if (traceparent !== undefined) spans.push(`${requested} is part of ${traceparent}`);
      },
    };
  },
};

const tracing: BrokerOptions["telemetry"] = {
  outgoing: ({ method }) => {
    const traceparent = `00-${"4b".repeat(16)}-00f067aa0ba902b7-01`; // of a new span
    return { traceparent, settled: ({ outcome, durationMs }) => console.log(method, outcome, durationMs >= 0) };
  },
};

const { client } = await connectedPair({ root: new Shop(), telemetry }, { telemetry: tracing });
const shop = await client.getRootObject();
await shop.callRemote("price", "apple");
await shop.callRemote("price", "pear").catch(() => undefined);
await shop.callRemote("a name that the peer invented").catch(() => undefined);

console.log(counts);
console.log(spans[0]);
