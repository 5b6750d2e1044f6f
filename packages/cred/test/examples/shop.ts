import { Avatar, Referenceable } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, login, Portal, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import type { AvatarId, Login, Mind, Realm } from "@pb/cred";
import { connect, listen } from "@pb/node-transport";

// The server: what somebody can do depends on who it is.

class Customer extends Avatar {
  constructor(
    readonly name: string,
    readonly mind: Mind,
  ) {
    super();
  }

  async perspective_order(item: string) {
    await this.mind?.callRemote("notify", `One ${item} for ${this.name} is on its way`);
    return "thank you";
  }
}

class Owner extends Customer {
  perspective_takings() {
    return 12.5;
  }
}

class Shop implements Realm {
  requestAvatar(avatarId: AvatarId, mind: Mind): Login {
    const name = String(avatarId);
    const avatar = name === "alice" ? new Owner(name, mind) : new Customer(name, mind);
    console.log(`${name} comes in`);
    return { avatar, logout: () => console.log(`${name} leaves`) };
  }
}

const users = new InMemoryUsernamePasswordChecker({ alice: "secret", bob: "hunter2" });
const server = await listen("tcp:0:interface=127.0.0.1", new Portal(new Shop(), [users]));

// A client: its mind is what the server may call.

class Phone extends Referenceable {
  remote_notify(text: string) {
    console.log(text);
  }
}

const connection = await connect(`tcp:127.0.0.1:${server.port}`);
try {
  await login(connection, new UsernamePassword("bob", "guess"));
} catch (error) {
  if (!(error instanceof UnauthorizedLogin)) throw error;
  console.log(error.message);
}

// With `using`, they stay until the end: who lets go of the avatar leaves.

using bob = await login<Customer>(connection, new UsernamePassword("bob", "hunter2"), new Phone());
console.log(await bob.callRemote("order", "pear"));

using alice = await login<Owner>(connection, new UsernamePassword("alice", "secret"));
console.log(await alice.callRemote("takings"));

await connection.close();
await server.close();
