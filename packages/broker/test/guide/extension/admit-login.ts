import { Broker, PBError, Referenceable } from "@pb/broker";
import type { Connection } from "@pb/broker";
import { BrokerConfig } from "@pb/broker/extension";
import type { AdmitLogin } from "@pb/broker/extension";
import { linkPair } from "@pb/broker/testing";

/** A minimal login, to keep the example short. Use a `Portal` of @pb/cred in a program. */
class LoginRoot extends Referenceable {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
  }

  async remote_login(name: string) {
    const admission = await this.#connection.admitLogin(name); // after the credentials were checked
    this.#connection.notifyOnDisconnect(() => admission[Symbol.dispose]());
    return `Welcome, ${name}`;
  }
}

// The side of the transport: at most one login per user.
const users = new Set<unknown>();
const admitLogin: AdmitLogin = (user) => {
  if (users.has(user)) throw new PBError("This user is logged in already");
  users.add(user);
  return { [Symbol.dispose]: () => void users.delete(user) };
};

// One configuration for all connections of a server.
const config = new BrokerConfig({
  root: { rootObject: (connection) => new LoginRoot(connection), requiresLogin: true },
});
async function connect() {
  const links = linkPair();
  new Broker(links.listener, config, admitLogin);
  const client = new Broker(links.initiator);
  return { client, root: await client.getRootObject() };
}

const first = await connect();
const second = await connect();
console.log(await first.root.callRemote("login", "Ann"));
console.log(await second.root.callRemote("login", "Ann").catch(String));
await first.client.close();
console.log(await second.root.callRemote("login", "Ann"));
