// The house as a program: listens, and tells on stdout who comes and goes. server.py is the same with Twisted.

import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import type { AvatarId, Login, Realm } from "@pb/cred";
import { listen } from "@pb/node-transport";
import { House, Seat } from "./auction.js";
import { tell } from "./tell.js";

/** Gives each guest a seat. */
class Doorkeeper implements Realm {
  readonly #house = new House();

  requestAvatar(avatarId: AvatarId): Login {
    const guest = String(avatarId);
    tell("logged in", guest);
    return { avatar: new Seat(this.#house, guest), logout: () => tell("logged out", guest) };
  }
}

const guests = new InMemoryUsernamePasswordChecker({ alice: "earl grey" });
const server = await listen("tcp:0:interface=127.0.0.1", new Portal(new Doorkeeper(), [guests]));
tell("listening", server.port);
