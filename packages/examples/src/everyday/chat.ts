// Two people in the chat room of chat.py: nicknames, who is present, and what they say.

import { PBError, Referenceable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connect } from "@pb/node-transport";

class NickTaken extends PBError {
  static override readonly remoteType = "chat.NickTaken";
}

/** What one person sees. */
class Window extends Referenceable {
  /** Called when somebody has left. */
  onLeft: () => void = () => undefined;

  constructor(
    readonly owner: string,
    readonly print: (line: string) => void,
  ) {
    super();
  }
  remote_said(nick: string, text: string): void {
    this.print(`${this.owner} reads: <${nick}> ${text}`);
  }
  remote_joined(nick: string): void {
    this.print(`${this.owner} reads: ${nick} joined`);
  }
  remote_renamed(before: string, nick: string): void {
    this.print(`${this.owner} reads: ${before} is now ${nick}`);
  }
  remote_left(nick: string): void {
    this.print(`${this.owner} reads: ${nick} left`);
    this.onLeft();
  }
}

interface Member extends Referenceable {
  remote_say(text: string): void;
  remote_rename(nick: string): void;
}

interface Room {
  join(nick: string, window: RemoteReference<Window>): [member: Member, present: string[]];
}

export async function main(address: string, print: (line: string) => void): Promise<void> {
  const options = { broker: { errorClasses: { "chat.NickTaken": NickTaken } } };
  await using annsConnection = await connect(address, options);
  const bobsConnection = await connect(address, options);

  const annsRoom = await annsConnection.getRootObject<Room>();
  const bobsRoom = await bobsConnection.getRootObject<Room>();
  const annsWindow = new Window("Ann", print);
  const [ann] = await annsRoom.call.join("ann", annsWindow);
  try {
    await bobsRoom.call.join("ann", new Window("Bob", print));
  } catch (error) {
    if (!(error instanceof NickTaken)) throw error;
    print(`Bob reads: ${error.message}`);
  }
  const [bob, present] = await bobsRoom.call.join("bob", new Window("Bob", print));
  print(`Bob reads: ${present.join(" and ")} are here`);

  await ann.call.say("hello");
  await bob.call.rename("robert");
  await bob.call.say("hi");
  const bobLeft = new Promise<void>((resolve) => (annsWindow.onLeft = resolve));
  await bobsConnection.close();
  await bobLeft;
  await ann.call.say("still there?"); // reaches nobody but Ann
}
