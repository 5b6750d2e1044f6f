import { Copyable, Referenceable } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

class Clock extends Referenceable {
  constructor(readonly time: string) {
    super();
  }

  remote_now() {
    return this.time;
  }
}

class Event extends Copyable {
  static readonly remoteType = "clock.Event";
  readonly what = "cuckoo";
}

const types = new TypeRegistry();
const { server, client } = await connectedPair({}, { types });
const clock = await client.getObject("clock"); // that nobody answers to it shows when it is called
const ask = (method: string) =>
  clock.callRemote(method).then(
    (value: unknown) => console.log(value),
    (error: unknown) => console.log(String(error)),
  );

await ask("now");
server.publish("clock", new Clock("noon"));
await ask("now");
const later = server.publish("clock", new Clock("midnight")); // takes the place of the first
await ask("now");

// A method appears, and a type: nobody has to connect anew.
Object.assign(Clock.prototype, { remote_strike: () => new Event() });
await ask("strike");
types.registerCopy("clock.Event", class EventCopy {});
await ask("strike");

later[Symbol.dispose](); // withdrawn
await ask("now");
