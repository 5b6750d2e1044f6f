// A realm that returns an avatar for each login. (howto/pb/pb5server.py)

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

const portal = new Portal(new MyRealm(), [new InMemoryUsernamePasswordChecker({ user1: "pass1" })]);
await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, portal);
