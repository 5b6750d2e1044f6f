import { Avatar, Copyable, Viewable } from "@pb/broker";
import type { Perspective } from "@pb/broker";
import { AsReferenceable } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

/** The avatar of a user: the methods that this user may call. */
class Member extends Avatar {
  readonly name: string;
  readonly #board: Board;

  constructor(name: string, board: Board) {
    super();
    this.name = name;
    this.#board = board;
  }

  perspective_board() {
    return this.#board;
  }

  perspective_profile() {
    return new Profile("Ann", "ann@example.org");
  }
}

/** One board for all users. Each method receives the avatar of the caller, which the peer cannot forge. */
class Board extends Viewable {
  readonly #posts: string[] = [];

  view_post(member: Member, text: string) {
    this.#posts.push(`${member.name}: ${text}`);
  }

  view_read(_member: Member) {
    return this.#posts;
  }
}

/** A copy whose content depends on the user it is sent to. */
class Profile extends Copyable {
  static readonly remoteType = "club.Profile";

  constructor(
    readonly owner: string,
    readonly email: string,
  ) {
    super();
  }

  override getStateToCopyFor(perspective: Perspective) {
    const isOwner = perspective instanceof Member && perspective.name === this.owner;
    return { owner: this.owner, email: isOwner ? this.email : "hidden" };
  }
}

const types = new TypeRegistry().registerCopy<object>("club.Profile", class ProfileCopy {});
const board = new Board();
for (const name of ["Ann", "Bob"]) {
  // With @pb/cred, a login does this: it creates the avatar and makes it the object that the client calls.
  const member = new AsReferenceable(new Member(name, board));
  const { client } = await connectedPair({ root: { rootObject: () => member } }, { types });

  const avatar = await client.getRootObject<Member>();
  const view = await avatar.call.board();
  await view.call.post("hello");
  console.log(`${name} reads`, await view.call.read());
  console.log(`${name} sees the address`, (await avatar.call.profile()).email);
}
