// The client's side of a contender, on stage: every work in the terms of a session, the same for all.

import { strict as assert } from "node:assert";
import { perform } from "./stage.js";
import type { Act } from "./stage.js";
import { BYTES, note } from "./work.js";
import type { Client, Session, Work } from "./work.js";

/** Calls under way at the same time. */
const IN_FLIGHT = 100;

/** One-way calls until the server is asked whether they came: nobody would send a million without. */
const ONE_WAY = 10_000;

/** Runs the works of `client` against the server whose port is the program's argument. */
export async function performClient(client: Client): Promise<never> {
  const port = Number(process.argv[2]);
  const session = await client.connect(port);
  await check(session);
  const idle: Session[] = [];
  const groups = new Map<number, Watchers>();

  /** Connects that many watchers, the first time. */
  const watchers = async (count: number): Promise<Watchers> => {
    let group = groups.get(count);
    if (group === undefined) groups.set(count, (group = new Watchers(`watched by ${count}`)));
    await group.gather(client, port, count);
    return group;
  };

  const acts: Record<Work, Act> = {
    async one(times) {
      for (let left = times; left > 0; left--) await session.echo(note);
      return undefined;
    },
    hundred: (times) => inFlight(times, () => session.echo(note)),
    async reference(times) {
      for (let left = times; left > 0; left--) await session.reference();
      return undefined;
    },
    async "one-way"(times) {
      for (let left = times; left > 0; left -= ONE_WAY) {
        const count = Math.min(left, ONE_WAY);
        for (let made = 0; made < count; made++) session.notify(note);
        assert.equal(await session.notified(), count);
      }
      return undefined;
    },
    async bytes(times) {
      for (let left = times; left > 0; left--) await session.bytes();
      return undefined;
    },
    "updates-1": async (times) => (await watchers(1)).see(times, session),
    "updates-100": async (times) => (await watchers(100)).see(times, session),
    async login(times) {
      for (let left = times; left > 0; left--) await (await client.login(port)).close();
      return undefined;
    },
    // Connections that stay: asked for 0, they go.
    async connect(times) {
      if (times === 0) await Promise.all(idle.splice(0).map((each) => each.close()));
      for (let left = times; left > 0; left--) idle.push(await client.connect(port));
      return undefined;
    },
    async hold(times) {
      await session.hold!(times);
      return undefined;
    },
    // Calls in flight over all connections that stay, one after the other.
    spread(times) {
      let next = 0;
      return inFlight(times, () => idle[next++ % idle.length]!.echo(note));
    },
  };
  return perform({ client: process.version }, acts);
}

async function inFlight(times: number, call: () => Promise<unknown>): Promise<undefined> {
  let left = times;
  const caller = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: Math.min(times, IN_FLIGHT) }, caller));
  return undefined;
}

/** Whether the contender does what it is asked at all: whoever skips the work is fast. */
async function check(session: Session): Promise<void> {
  assert.deepEqual({ ...((await session.echo(note)) as object) }, note);
  assert.equal(await session.reference(), 42);
  session.notify(note);
  assert.equal(await session.notified(), 1);
  assert.equal(await session.bytes(), BYTES);
}

/** Connections that each keep a copy of the same object. */
class Watchers {
  readonly #group: string;
  /** Kept: a copy that nobody holds is given back. */
  readonly #sessions: Session[] = [];
  #seen = 0;
  #wanted = Infinity;
  #allSeen: (() => void) | undefined;

  constructor(group: string) {
    this.#group = group;
  }

  async gather(client: Client, port: number, count: number): Promise<void> {
    while (this.#sessions.length < count) {
      const session = await client.connect(port);
      await session.watch(this.#group, () => {
        if (++this.#seen === this.#wanted) this.#allSeen?.();
      });
      this.#sessions.push(session);
    }
  }

  /** Has the object change so often, and resolves when every copy has. */
  async see(times: number, session: Session): Promise<undefined> {
    this.#seen = 0;
    this.#wanted = times * this.#sessions.length;
    const allSeen = new Promise<void>((resolve) => (this.#allSeen = resolve));
    await session.update(this.#group, times);
    await allSeen;
    return undefined;
  }
}
