// Groups that users join and send messages to. A Viewable receives the avatar of its caller. (howto/pb/chatserver.py)

import { Avatar, Viewable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import type { AvatarId, Login, Mind, Realm } from "@pb/cred";
import { listen } from "@pb/node-transport";
import type { Client } from "./chatclient.js";

class ValueError extends Error {
  static readonly remoteType = "builtins.ValueError";
}

class ChatServer {
  readonly #groups = new Map<string, Group>();

  joinGroup(name: string, user: User, allowMattress: boolean): Group {
    const group = this.#groups.get(name) ?? new Group(allowMattress);
    this.#groups.set(name, group);
    group.addUser(user);
    return group;
  }
}

class ChatRealm implements Realm {
  readonly #server = new ChatServer();

  requestAvatar(avatarId: AvatarId, mind: Mind): Login {
    const avatar = new User(String(avatarId), this.#server, mind as RemoteReference<Client>);
    return { avatar, logout: () => avatar.detached() };
  }
}

export class User extends Avatar {
  readonly name: string;
  readonly #server: ChatServer;
  #remote: RemoteReference<Client> | null;

  constructor(name: string, server: ChatServer, remote: RemoteReference<Client>) {
    super();
    this.name = name;
    this.#server = server;
    this.#remote = remote;
  }

  detached(): void {
    this.#remote = null;
  }

  perspective_joinGroup(name: string, allowMattress = true): Group {
    return this.#server.joinGroup(name, this, allowMattress);
  }

  send(message: string): void {
    this.#remote?.sendRemote("print", message);
  }
}

export class Group extends Viewable {
  readonly #allowMattress: boolean;
  readonly #users: User[] = [];

  constructor(allowMattress: boolean) {
    super();
    this.#allowMattress = allowMattress;
  }

  addUser(user: User): void {
    this.#users.push(user);
  }

  view_send(from: User, message: string): void {
    if (!this.#allowMattress && message.includes("mattress")) throw new ValueError("Don't say that word");
    for (const user of this.#users) user.send(`<${from.name}> says: ${message}`);
  }
}

const checker = new InMemoryUsernamePasswordChecker({ alice: "1234", bob: "secret", carol: "fido" });
const portal = new Portal(new ChatRealm(), [checker]);
await listen(`tcp:${process.argv[2] ?? 8800}:interface=127.0.0.1`, portal);
