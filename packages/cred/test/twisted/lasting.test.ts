// References and subscriptions that survive, with logins, while real servers are killed and started again.

import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { Avatar, Referenceable } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, login, Portal, UnauthorizedLogin, UsernamePassword } from "@pb/cred";
import { listen, reconnecting } from "@pb/node-transport";
import { freePort } from "../../../../tools/process/ports.js";
import { Program, until } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import type { Twisted } from "../../../../tools/twisted/twisted.js";
import { iterations } from "../support.js";

class Member extends Referenceable {
  readonly #name: string;

  constructor(name: string) {
    super();
    this.#name = name;
  }

  remote_name() {
    return this.#name;
  }
}

class Room extends Referenceable {
  readonly #log: string[];
  readonly #name: string;

  constructor(log: string[], name: string) {
    super();
    this.#log = log;
    this.#name = name;
  }

  remote_say(text: string) {
    this.#log.push(`say ${text}`);
    return `${this.#name}: ${text}`;
  }

  remote_member(name: string) {
    this.#log.push(`member ${name}`);
    return new Member(`${name} in ${this.#name}`);
  }
}

class Guest extends Avatar {
  readonly #log: string[];

  constructor(log: string[]) {
    super();
    this.#log = log;
  }

  perspective_room(name: string) {
    this.#log.push(`room ${name}`);
    return new Room(this.#log, name);
  }

  async perspective_events(listener: RemoteReference<Listener>, after: number): Promise<void> {
    this.#log.push(`events after ${after}`);
    await listener.callRemote("event", after + 1);
  }
}

class Listener extends Referenceable {
  readonly #heard: (event: number) => void;

  constructor(heard: (event: number) => void) {
    super();
    this.#heard = heard;
  }

  remote_event(event: number) {
    this.#heard(event);
  }
}

/** A server at a port that admits "ann" with a password. */
interface RunningServer {
  /** A line for each method that was called. */
  log(): readonly string[];
  kill(): Promise<unknown>;
}
type Start = (port: number, password: string) => Promise<RunningServer>;

const script = fileURLToPath(new URL("lasting_server.py", import.meta.url));

function twistedServer({ python }: Twisted): Start {
  return async (port, password) => {
    const program = new Program("Twisted's server", [python, script, String(port), password], {
      env: pythonEnvironment(),
    });
    expect(await program.nextLine()).toBe("ready");
    const log = (): string[] => program.stdout.trim().split("\n").slice(1);
    return {
      log,
      kill: () => {
        program.kill("SIGKILL");
        return program.exit;
      },
    };
  };
}

const ourServer: Start = async (port, password) => {
  const log: string[] = [];
  const checker = new InMemoryUsernamePasswordChecker({ ann: password }, { iterations });
  const realm = { requestAvatar: () => ({ avatar: new Guest(log), logout: () => undefined }) };
  const server = await listen(`tcp:${port}:interface=127.0.0.1`, new Portal(realm, [checker]));
  return { log: () => log, kill: () => server.destroy() };
};

const servers: readonly (readonly [string, Start])[] = [
  ["this library", ourServer],
  ...inject("twisteds").map((twisted) => [`Twisted ${twisted.version}`, twistedServer(twisted)] as const),
];

test.for(servers)("with a server of %s that is killed, refuses logins and comes back", async ([, start]) => {
  const port = await freePort();
  let server = await start(port, "secret");
  await using client = reconnecting<Guest>(`tcp:127.0.0.1:${port}`, {
    login: (connection) => login<Guest>(connection, new UsernamePassword("ann", "secret")),
    isFinal: () => false, // The server that knows another password is a fault, which ends.
    backoff: { firstMs: 5, highestMs: 50 },
  });
  let refusals = 0;
  using _watching = client.onState((state) => {
    if (state.is === "waiting" && state.cause instanceof UnauthorizedLogin) refusals++;
  });
  const room = client.path("room", "lobby");
  const member = room.path("member", "ann");
  const heard: number[] = [];
  const standing = client.standing(
    (guest, { cursor, advance }) => {
      const listener = new Listener((event) => {
        heard.push(event);
        advance(event);
      });
      return guest.callRemote("events", listener, cursor!);
    },
    { cursor: 0 },
  );
  /** Uses both references, and checks that each method of a path was called once on this connection. */
  const useAll = async (cursor: number, ...before: string[]): Promise<void> => {
    const said = await Promise.all([room.call.say("a"), member.call.name(), room.call.say("b")]);
    expect(said).toEqual(["lobby: a", "ann in lobby", "lobby: b"]);
    expect(await member.callRemote("name")).toBe("ann in lobby");
    await until(() => standing.cursor === cursor + 1, "the event is heard");
    const [first, ...others] = server.log();
    expect(first).toBe(`events after ${cursor}`);
    expect(others.sort()).toEqual(["member ann", "room lobby", "say a", "say b", ...before]);
  };
  try {
    await useAll(0);
    await server.kill();
    await until(() => room.state.is === "unbound" && standing.state.is === "unbound", "the loss is noticed");
    server = await start(port, "other");
    await until(() => refusals >= 2, "logins are refused");
    const waiting = room.callRemote("say", "waits");
    expect(server.log()).toEqual([]);
    await server.kill();
    server = await start(port, "secret");
    expect(await waiting).toBe("lobby: waits");
    await useAll(1, "say waits");
    expect(heard).toEqual([1, 2]);
  } finally {
    await server.kill();
  }
});
