import { Broker, Referenceable, Root } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";

class Greeter extends Root {
  remote_greet(name: string) {
    return `Hello ${name}`;
  }
}

class Doorbell extends Referenceable {
  remote_ring(times: number) {
    return "ding ".repeat(times).trim();
  }
}

const ends = linkPair(); // two ends of a connection in memory
const server = new Broker(ends.listener, { root: new Greeter() });
const client = new Broker(ends.initiator);

const greeter = await client.getRootObject<Greeter>();
console.log(await greeter.callRemote("greet", "Ann"));

client.publish("doorbell", new Doorbell());
const doorbell = await server.getObject<Doorbell>("doorbell");
console.log(await doorbell.callRemote("ring", 2));

await client.close();
console.log((await client.closed).reason, (await server.closed).reason);
