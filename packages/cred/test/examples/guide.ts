// The program of which GUIDE.md shows parts.

import { Avatar, Copyable, RemoteCopy, remoteCopy, Viewable } from "@pb/broker";
import type { Perspective } from "@pb/broker";
import {
  AllowAnonymousAccess,
  Anonymous,
  ANONYMOUS,
  InMemoryUsernamePasswordChecker,
  login,
  LoginDenied,
  LoginFailed,
  Portal,
  UsernamePassword,
} from "@pb/cred";
import type { AvatarId, Login, LoginEvent, Mind, Realm } from "@pb/cred";
import { TypeRegistry } from "@pb/jelly-types";
import { connect, listen } from "@pb/node-transport";

class Member extends Avatar {
  constructor(
    readonly name: string,
    readonly mind: Mind,
    readonly club: Club,
  ) {
    super();
  }

  perspective_board() {
    return this.club.board;
  }

  perspective_invoice() {
    return new Invoice("membership", 30);
  }
}

class Guest extends Avatar {
  perspective_address() {
    return "1 High Street";
  }
}

class Club implements Realm {
  readonly board = new Board();
  readonly members = new Set<Member>();

  async requestAvatar(avatarId: AvatarId, mind: Mind): Promise<Login> {
    if (avatarId === ANONYMOUS) return { avatar: new Guest() };
    if (avatarId === "eve") throw new LoginDenied("Your membership has ended");
    const member = new Member(avatarId, mind, this);
    this.members.add(member);
    return { avatar: member, logout: () => this.members.delete(member) };
  }

  async ring() {
    const minds = [...this.members].map(({ mind }) => mind);
    await Promise.allSettled(minds.map(async (mind) => mind?.with({ timeoutMs: 1_000 }).callRemote("ring")));
  }
}

class Board extends Viewable {
  readonly #notes: { author: string; text: string }[] = [];

  view_post(member: Member, text: string) {
    this.#notes.push({ author: member.name, text });
  }

  view_myNotes(member: Member) {
    return this.#notes.filter(({ author }) => author === member.name).map(({ text }) => text);
  }
}

class Invoice extends Copyable {
  static readonly remoteType = "club.Invoice";

  constructor(
    readonly item: string,
    readonly amount: number,
  ) {
    super();
  }

  override getStateToCopyFor(perspective: Perspective) {
    const name = perspective instanceof Member ? perspective.name : "unknown";
    return { item: this.item, amount: this.amount, to: name };
  }
}

class ReceivedInvoice extends RemoteCopy {
  declare readonly to: string;
}

const club = new Club();
const users = new InMemoryUsernamePasswordChecker({ alice: "secret", eve: "apple" });
const portal = new Portal(club, [users, new AllowAnonymousAccess()], {
  onEvent(event: LoginEvent) {
    if (event.kind === "login-failed") console.log(`${String(event.username)} failed to log in`);
  },
});
const server = await listen("tcp:0:interface=127.0.0.1", portal);

const types = new TypeRegistry().register(remoteCopy("club.Invoice", ReceivedInvoice));
const connection = await connect(`tcp:127.0.0.1:${server.port}`, { broker: { types } });

const guest = await login<Guest>(connection, new Anonymous());
console.log(await guest.callRemote("address"));

const alice = await login<Member>(connection, new UsernamePassword("alice", "secret"));
const board = await alice.callRemote("board");
await board.callRemote("post", "Dinner at eight");
console.log(await board.callRemote("myNotes"));

const invoice = (await alice.callRemote("invoice")) as unknown as ReceivedInvoice;
console.log(invoice.to);

try {
  await login(connection, new UsernamePassword("eve", "apple"), null, { timeoutMs: 10_000 });
} catch (error) {
  if (!(error instanceof LoginFailed)) throw error;
  console.log(error.message);
}

alice[Symbol.dispose]();
await connection.close();
await server.close();
console.log(club.members.size);
