// A server for two users, each with an avatar. (howto/pb/pb6server.py)

import { Avatar } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import type { AvatarId, Login, Realm } from "@pb/cred";
import { listen } from "@pb/node-transport";

export class MyPerspective extends Avatar {
  readonly #name: AvatarId;

  constructor(name: AvatarId) {
    super();
    this.#name = name;
  }

  perspective_foo(arg: number): void {
    console.log("I am", this.#name, "perspective_foo(", arg, ") called on", this);
  }
}

class MyRealm implements Realm {
  requestAvatar(avatarId: AvatarId): Login {
    return { avatar: new MyPerspective(avatarId) };
  }
}

const checker = new InMemoryUsernamePasswordChecker({ user1: "pass1", user2: "pass2" });
const portal = new Portal(new MyRealm(), [checker]);
await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, portal);
