import { Referenceable, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Session extends Referenceable {
  constructor(readonly name: string) {
    super();
  }

  remote_work() {
    return `${this.name} works`;
  }

  override unreferenced() {
    console.log(`${this.name} is over`); // the peer holds it no more, for whatever reason
  }
}

class Desk extends Root {
  remote_open(name: string) {
    return new Session(name);
  }
}

const { server, client } = await connectedPair({ root: new Desk() });
const desk = await client.getRootObject<Desk>();

const first = await desk.callRemote("open", "the first session");
const second = await desk.callRemote("open", "the second session");
console.log(server.stats().referencesGiven, client.stats().referencesHeld);

{
  using session = first; // given back at the end of this block
  console.log(await session.callRemote("work"));
}
await client.ping(); // what was sent before it has been read
console.log(server.stats().referencesGiven, first.isAlive, second.isAlive);
console.log(await first.callRemote("work").catch(String));

await client.close(); // everything is given back
console.log(second.isAlive);
