import { Referenceable, Root } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";

class Session extends Referenceable {
  constructor(readonly name: string) {
    super();
  }

  remote_run() {
    return `${this.name} runs`;
  }

  override unreferenced() {
    console.log(`${this.name}: unreferenced`);
  }
}

class SessionManager extends Root {
  remote_open(name: string) {
    return new Session(name);
  }
}

const { server, client } = await connectedPair({ root: new SessionManager() });
const manager = await client.getRootObject<SessionManager>();

const first = await manager.call.open("session 1");
const second = await manager.call.open("session 2");
console.log(server.stats().referencesGiven, client.stats().referencesHeld);

{
  using session = first; // released at the end of this block
  console.log(await session.call.run());
}
await client.ping(); // the server has now read everything that was sent before
console.log(server.stats().referencesGiven, first.isAlive, second.isAlive);
console.log(await first.call.run().catch(String));

await client.close(); // releases all references
console.log(second.isAlive);
