// The auction house: listens, and reports logins and logouts. server.py is the same with Twisted.

import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import type { AvatarId, Login, Realm } from "@pb/cred";
import { listen } from "@pb/node-transport";
import { House, Seat } from "./auction.js";
import { report } from "./report.js";

/** Gives each user a seat. */
class AuctionRealm implements Realm {
  readonly #house = new House();

  requestAvatar(avatarId: AvatarId): Login {
    const user = String(avatarId);
    report("logged in", user);
    return { avatar: new Seat(this.#house, user), logout: () => report("logged out", user) };
  }
}

const users = new InMemoryUsernamePasswordChecker({ alice: "earl grey" });
const server = await listen("tcp:0:interface=127.0.0.1", new Portal(new AuctionRealm(), [users]));
report("listening", server.port);
