import { subscribe } from "node:diagnostics_channel";
import { Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { callChannels } from "@pb/telemetry/node";
import type { CallMessage } from "@pb/telemetry/node";

class Clock extends Root {
  remote_now() {
    return Date.now();
  }
}

const events = "tracing:pb.server.call";
subscribe(`${events}:start`, (message) => console.log("start", (message as CallMessage).call.method));
subscribe(`${events}:asyncEnd`, (message) => console.log("end", (message as CallMessage).end?.outcome));

const pair = await connectedPair({ root: new Clock(), telemetry: callChannels() });
await (await pair.client.getRootObject()).callRemote("now");
await pair.close();
