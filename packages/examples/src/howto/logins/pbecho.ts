// An echo service that prints a line when a user logs out. (examples/pbecho.py)

import { Avatar, PBError } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import { listen } from "@pb/node-transport";

class DefinedError extends PBError {
  static override readonly remoteType = "pbecho.DefinedError";
}

export class SimplePerspective extends Avatar {
  perspective_echo(text: string): string {
    console.log("echoing", text);
    return text;
  }

  perspective_error(): void {
    throw new DefinedError("exception!");
  }

  logout(): void {
    console.log(this, "logged out");
  }
}

const realm = {
  requestAvatar() {
    const avatar = new SimplePerspective();
    return { avatar, logout: () => avatar.logout() };
  },
};
const portal = new Portal(realm, [new InMemoryUsernamePasswordChecker({ guest: "guest" })]);
await listen(`tcp:${process.argv[2] ?? 8787}:interface=127.0.0.1`, portal);
