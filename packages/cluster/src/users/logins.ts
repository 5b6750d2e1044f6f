// One login per user across nodes: the newest one stays.

import type { Broker } from "@pb/broker";
import { dispose, onDispose } from "@pb/jelly-types";
import type { ServerEvent, ServerWatcher } from "@pb/transport";
import type { Node } from "../nodes/node.js";

/** The servers of all transports. */
export interface LoginServer {
  /** Calls `watcher` with each event. Dispose of the result to unsubscribe. */
  onEvent(watcher: ServerWatcher): Disposable;
}

/** When and where a user has logged in, which is comparable on all nodes. */
interface Stamp {
  readonly user: string;
  /** Milliseconds since 1970, and later than all logins that the node knew. */
  readonly at: number;
  readonly node: string;
  /** The start of the node: two nodes may have one name by mistake. */
  readonly run: string;
}

const SUBJECT = "login";
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/**
 * Tells the other nodes about each login, and ends older ones. A node whose engine was away tells its logins again when
 * it is back, and gets the newer ones of others as answers.
 */
export class OneLogin {
  readonly #node: Node;
  readonly #sessions = new Map<string, { readonly stamp: Stamp; readonly connection: Broker }>();
  #last = 0;
  readonly #unsubscribe: (() => void)[];

  constructor(node: Node) {
    this.#node = node;
    const { engine } = node;
    this.#unsubscribe = [
      engine.listen(SUBJECT, (bytes) => {
        try {
          this.#heard(bytes);
        } catch (error) {
          node.report(error); // Not of a node of this version.
        }
      }),
      engine.onState((state) => {
        if (state === "connected") for (const { stamp } of this.#sessions.values()) this.#send(stamp);
      }),
    ];
    node.signal.addEventListener("abort", () => {
      for (const unsubscribe of this.#unsubscribe) unsubscribe();
    });
  }

  /** Applies to the logins at a server, until the result is disposed of. */
  watch(server: LoginServer): Disposable {
    const subscription = server.onEvent((event) => this.#event(event));
    return onDispose(() => subscription[dispose]());
  }

  #event(event: ServerEvent): void {
    if (event.kind === "login" && typeof event.who === "string") this.#loggedIn(event.who, event.connection);
    if (event.kind === "logout" && typeof event.who === "string" && !event.connection.users.includes(event.who))
      this.#forget(event.who, event.connection);
    if (event.kind === "closed") for (const user of event.users) this.#forget(user, event.connection);
  }

  #loggedIn(user: string, connection: Broker): void {
    this.#last = Math.max(Date.now(), this.#last + 1);
    const { node, run } = this.#node.identity;
    const stamp = { user, at: this.#last, node, run };
    const older = this.#sessions.get(user);
    this.#sessions.set(user, { stamp, connection });
    if (older !== undefined && older.connection !== connection) end(older.connection, this.#node.name);
    this.#send(stamp);
  }

  #forget(user: string, connection: Broker): void {
    if (this.#sessions.get(user)?.connection === connection) this.#sessions.delete(user);
  }

  #send(stamp: Stamp): void {
    try {
      this.#node.engine.send(SUBJECT, utf8.encode(JSON.stringify(stamp)));
    } catch (error) {
      this.#node.report(error); // The engine was closed, or the name of the user is longer than its messages.
    }
  }

  #heard(bytes: Uint8Array): void {
    const { user, at, node, run } = JSON.parse(fromUtf8.decode(bytes)) as Stamp;
    if (run === this.#node.identity.run) return;
    this.#last = Math.max(this.#last, at);
    const session = this.#sessions.get(user);
    if (session === undefined) return;
    const isNewer = at > session.stamp.at || (at === session.stamp.at && run > session.stamp.run);
    if (!isNewer) return this.#send(session.stamp); // The other node does not know this login.
    this.#sessions.delete(user);
    end(session.connection, node);
  }
}

function end(connection: Broker, node: string): void {
  connection.terminate("replaced", new Error(`the user logged in on the node ${node}`));
}
