// Accepts logins with a password, and anonymous logins. (howto/pb/pbAnonServer.py)

import { Avatar } from "@pb/broker";
import { AllowAnonymousAccess, ANONYMOUS, InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import type { AvatarId, Login, Realm } from "@pb/cred";
import { listen } from "@pb/node-transport";

export class MyPerspective extends Avatar {
  readonly #name: string;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  perspective_foo(arg: number): void {
    console.log(`I am ${this.#name}.  perspective_foo(${arg}) called on %O.`, this);
  }
}

class MyRealm implements Realm {
  requestAvatar(avatarId: AvatarId): Login {
    return { avatar: new MyPerspective(avatarId === ANONYMOUS ? "Anonymous" : avatarId) };
  }
}

const passwords = new InMemoryUsernamePasswordChecker({ user1: "pass1", user2: "pass2" });
const portal = new Portal(new MyRealm(), [passwords, new AllowAnonymousAccess()]);
await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, portal);
