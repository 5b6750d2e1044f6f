// A reader and a librarian in the library of logins.py: other methods for each kind of user.

import { Referenceable } from "@pb/broker";
import type { Avatar, RemoteReference, Viewable } from "@pb/broker";
import { login, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";

/** Called by the library when its owner has logged in. */
class Card extends Referenceable {
  constructor(readonly print: (line: string) => void) {
    super();
  }
  remote_welcome(kind: string): void {
    this.print(`Logged in as a ${kind}`);
  }
}

interface Shelf extends Viewable {
  view_borrow(reader: unknown, title: string): string;
}

interface Reader extends Avatar {
  perspective_shelf(): Shelf;
}

interface Librarian extends Reader {
  perspective_borrowed(): Record<string, string>;
}

export async function main(address: string, print: (line: string) => void): Promise<void> {
  await using connection = await connect(address);
  try {
    await login<Reader>(connection, new UsernamePassword("rob", "guess"));
  } catch (error) {
    if (!(error instanceof UnauthorizedLogin)) throw error;
    print("Wrong password");
  }
  {
    using rob = await login<Reader>(connection, new UsernamePassword("rob", "books"), new Card(print));
    const shelf = await rob.call.shelf();
    print(await shelf.call.borrow("Dune"));
    print(await shelf.call.borrow("Dune").catch(String));
    const untyped = rob as RemoteReference;
    print(String(await untyped.callRemote("borrowed").catch(String)));
  }
  using lena = await login<Librarian>(connection, new UsernamePassword("lena", "shelves"), new Card(print));
  print(JSON.stringify(await lena.call.borrowed()));
}
