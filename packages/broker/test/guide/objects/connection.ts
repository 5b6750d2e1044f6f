import { Broker, Referenceable, Root } from "@pb/broker";
import { linkPair } from "@pb/broker/testing";

class Greeter extends Root {
  remote_greet(name: string) {
    return `Hello ${name}`;
  }
}

class ClientInfo extends Referenceable {
  remote_version() {
    return "client 1.2";
  }
}

const links = linkPair(); // the two ends of a connection in memory
const server = new Broker(links.listener, { root: new Greeter() });
const client = new Broker(links.initiator);

const greeter = await client.getRootObject<Greeter>();
console.log(await greeter.call.greet("Ann")); // the client calls the server

client.publish("info", new ClientInfo());
const info = await server.getObject<ClientInfo>("info");
console.log(await info.call.version()); // the server calls the client

await client.close();
console.log("client:", (await client.closed).reason);
console.log("server:", (await server.closed).reason);
