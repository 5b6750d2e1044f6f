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

class Alarm extends Copyable {
  static readonly remoteType = "clock.Alarm";
  readonly sound = "bell";
}

const types = new TypeRegistry();
const { server, client } = await connectedPair({}, { types });
const clock = await client.getObject("clock"); // does not check that the object exists
async function callClock(method: string) {
  try {
    console.log(await clock.callRemote(method));
  } catch (error) {
    console.log(String(error));
  }
}

await callClock("now"); // nothing is published yet
server.publish("clock", new Clock("noon"));
await callClock("now");
const published = server.publish("clock", new Clock("midnight")); // replaces the first clock
await callClock("now");

Object.assign(Clock.prototype, { remote_nextAlarm: () => new Alarm() }); // adds a method
await callClock("nextAlarm"); // the client has not registered the type
types.registerCopy("clock.Alarm", class AlarmCopy {});
await callClock("nextAlarm");

published[Symbol.dispose](); // withdraws the object
await callClock("now");
