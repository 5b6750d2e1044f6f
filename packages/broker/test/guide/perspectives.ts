import { Avatar, Copyable, Viewable } from "@pb/broker";
import { AsReferenceable } from "@pb/broker/extension";
import type { Perspective } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";

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

  perspective_card() {
    return new Card("Ann", "in debt");
  }
}

/** One board for all. Whose call it is comes first, and never from the wire. */
class Board extends Viewable {
  readonly #notes: string[] = [];

  view_post(member: Member, text: string) {
    this.#notes.push(`${member.name}: ${text}`);
  }

  view_read(_member: Member) {
    return this.#notes;
  }
}

/** A copy that shows to each member what concerns them. */
class Card extends Copyable {
  static readonly remoteType = "club.Card";

  constructor(
    readonly owner: string,
    readonly remarks: string,
  ) {
    super();
  }

  override getStateToCopyFor(perspective: Perspective) {
    const isOwner = perspective instanceof Member && perspective.name === this.owner;
    return { owner: this.owner, remarks: isOwner ? this.remarks : "private" };
  }
}

const types = new TypeRegistry().registerCopy<object>("club.Card", class CardCopy {});
const board = new Board();
for (const name of ["Ann", "Bob"]) {
  // With @pb/cred, this is what a login does: an avatar for whoever it was.
  const member = new AsReferenceable(new Member(name, board));
  const { client } = await connectedPair({ root: { rootObject: () => member } }, { types });

  const me = await client.getRootObject<Member>();
  const view = await me.callRemote("board");
  await view.callRemote("post", "hello");
  console.log(await view.callRemote("read"), (await me.callRemote("card")).remarks);
}
