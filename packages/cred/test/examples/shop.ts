import { Avatar, Referenceable } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, login, Portal, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import type { AvatarId, Login, Mind, Realm } from "@pb/cred";
import { connect, listen } from "@pb/node-transport";

// The server: the methods that a client can call depend on the user who logs in.

class Customer extends Avatar {
  constructor(
    readonly name: string,
    readonly mind: Mind,
  ) {
    super();
  }

  async perspective_order(item: string) {
    await this.mind?.callRemote("notify", `Order of ${this.name}: one ${item}`);
    return "ordered";
  }
}

class Owner extends Customer {
  perspective_revenue() {
    return 12.5;
  }
}

class Shop implements Realm {
  requestAvatar(avatarId: AvatarId, mind: Mind): Login {
    const name = String(avatarId);
    const avatar = name === "alice" ? new Owner(name, mind) : new Customer(name, mind);
    console.log(`${name} logged in`);
    return { avatar, logout: () => console.log(`${name} logged out`) };
  }
}

const users = new InMemoryUsernamePasswordChecker({ alice: "secret", bob: "hunter2" });
const server = await listen("tcp:0:interface=127.0.0.1", new Portal(new Shop(), [users]));

// A client: the mind is an object that the server can call.

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

// A login lasts until its avatar is released or the connection ends. `using` releases it at the end of the program.

using bob = await login<Customer>(connection, new UsernamePassword("bob", "hunter2"), new Phone());
console.log(await bob.callRemote("order", "pear"));

using alice = await login<Owner>(connection, new UsernamePassword("alice", "secret"));
console.log(await alice.callRemote("revenue"));

await connection.close();
await server.close();
