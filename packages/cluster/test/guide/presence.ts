import { Avatar, Referenceable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { MemoryEngine, MemoryServer } from "@pb/cluster";
import type { ClusterChannel, ClusterPresence } from "@pb/cluster";
import { BearerToken, BearerTokenChecker, login, Portal } from "@pb/cred";
import { connect, listen } from "@pb/node-transport";
import { startNode } from "./node.js";

/** At the client: what the channel calls. */
class Listener extends Referenceable {
  remote_said(user: string, text: string): void {
    console.log(`${user}: ${text}`);
  }
}

/** What a user can call. */
class Member extends Avatar {
  readonly #user: string;
  readonly #online: ClusterPresence;
  readonly #chat: ClusterChannel<Listener>;

  constructor(user: string, online: ClusterPresence, chat: ClusterChannel<Listener>) {
    super();
    this.#user = user;
    this.#online = online;
    this.#chat = chat;
  }

  perspective_enter(listener: RemoteReference<Listener>): void {
    const entry = this.#online.enter(this.#user, { status: "here" });
    this.#chat.add(listener); // until its connection ends
    listener.notifyOnDisconnect(() => entry[Symbol.dispose]());
  }

  perspective_say(text: string): void {
    this.#chat.broadcast("said", this.#user, text); // to the listeners of all nodes, at most once
  }
}

/** A node as above, with a server for members. */
async function start(name: string, engines: MemoryServer) {
  const node = await startNode(name, new MemoryEngine({ server: engines }), "secret");
  const online = node.cluster.presence("online"); // the same name on all nodes
  const chat = node.cluster.channel<Listener>("chat");
  const checker = new BearerTokenChecker((token) => token); // A real one looks the token up.
  const realm = { requestAvatar: (user: string) => ({ avatar: new Member(user, online, chat) }) };
  const clients = await listen(
    "tcp:0:interface=127.0.0.1",
    new Portal(realm, [checker], { policy: { bearer: "any" } }),
  );
  node.cluster.oneLoginPerUser(clients);
  return { node, online, clients };
}

async function enter(user: string, port: number) {
  const connection = await connect(`tcp:127.0.0.1:${port}`);
  const credentials = new BearerToken(user);
  const member = await login<Member>(connection, credentials, null, { allowUnencryptedToken: true });
  await member.callRemote("enter", new Listener());
  return { connection, member };
}

const server = new MemoryServer();
const [a, b] = [await start("a", server), await start("b", server)];

/** Resolves when both nodes know these members. */
async function untilOnline(...members: string[]): Promise<void> {
  const isKnown = (): boolean =>
    [a, b].every(({ online }) => Object.keys(online.live.getSnapshot() ?? {}).join() === members.join());
  while (!isKnown()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const ann = await enter("ann", a.clients.port);
const bob = await enter("bob", b.clients.port);
await untilOnline("ann", "bob");
console.log(b.online.live.getSnapshot());

await bob.member.callRemote("say", "Hi, Ann");
const again = await enter("ann", b.clients.port); // The other login of Ann ends, on the node a.
console.log("ended:", (await ann.connection.closed).reason);

for (const { connection } of [bob, again]) await connection.close();
await untilOnline();
for (const { node, clients } of [a, b]) {
  await clients.close();
  await node.close();
}
