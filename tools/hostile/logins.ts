/** Attacks on logins and on the admission of connections: timing, restarts, many addresses, and proxies. */

import { strict as assert } from "node:assert";
import { chown, lchown, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { login, UsernamePassword } from "@pb/cred";
import type { Attack } from "./attacks.js";
import { SECOND, Victim, within } from "./harness.js";
import type { Role } from "./victim.js";
import { address, guesses, served, together } from "./scenarios.js";

const first = (name: string): Uint8Array => Buffer.from(`n,,n=${name},r=abc`);

/** The first step of a SCRAM login on a new connection. Returns the milliseconds until the answer. */
async function question(target: Victim, names: readonly string[], from: string): Promise<number[]> {
  const connection = await target.connect(from).catch(() => undefined);
  if (connection === undefined) return [];
  const extended = await connection.getObject("pbx.login");
  const times = [];
  for (const name of names) {
    const start = performance.now();
    const isAnswered = await extended.callRemote("scram", first(name)).then(
      () => true,
      () => false,
    );
    times.push(isAnswered ? performance.now() - start : NaN);
  }
  connection.terminate("closed");
  return times;
}

/** How many of 40 names, of which 20 exist, the times tell right: at least 20, because the opposite tells as much. */
async function timing(target: Victim): Promise<number> {
  const names = Array.from({ length: 40 }, (_, index) => (index < 20 ? `user${index * 7}` : `person${index}`));
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let from = 0; from < 400; from += 4) {
    await together(4, async (next) => {
      for (let part = 0; part < names.length; part += 10) {
        const asked = names.slice(part, part + 10);
        const answers = await question(target, asked, address(from + next));
        for (const [index, time] of answers.entries()) times.get(asked[index]!)!.push(time);
      }
    });
  }
  const tenth = (name: string): number => {
    const known = times.get(name)!.filter((time) => !Number.isNaN(time));
    return known.sort((a, b) => a - b)[Math.floor(known.length / 10)] ?? 0;
  };
  const slowest = new Set(names.toSorted((a, b) => tenth(b) - tenth(a)).slice(0, 20));
  const right = 2 * names.slice(0, 20).filter((name) => slowest.has(name)).length;
  return Math.max(right, 40 - right);
}

/** How long so many clients of one address need to log in, in milliseconds. Then they disconnect. */
async function restart(target: Victim, clients: number): Promise<number> {
  const start = performance.now();
  const connections = await together(clients, async () => {
    const connection = await target.connect("127.0.0.8");
    await login(connection, new UsernamePassword("alice", "secret"));
    return connection;
  });
  const milliseconds = performance.now() - start;
  await together(clients, (index) => connections[index]!.close());
  return milliseconds;
}

/** The shortest times with the limits of `target` and without limits, taken in turns: the machine may be busy. */
async function restarts(target: Victim, unlimited: Victim, clients: number): Promise<[number, number]> {
  let [withLimits, without] = [Infinity, Infinity];
  for (let round = 0; round < 2; round++) {
    withLimits = Math.min(withLimits, await restart(target, clients));
    without = Math.min(without, await restart(unlimited, clients));
  }
  return [withLimits, without];
}

const proxy = "127.0.0.1";
const site = (index: number): string => `PROXY TCP6 2001:db8:1:${index.toString(16)}::1 ::1 1 2\r\n`;
const malformed: readonly string[] = [
  "PROXY ".padEnd(4000, "x"),
  "PROXY TCP4 999.1.1.1 1.1.1.1 1 2\r\n",
  "PROXY TCP4 1.1.1.1\0 1.1.1.1 1 2\r\n",
  "PROXY TCP6 1.1.1.1 1.1.1.1 1 2\r\n",
  "PROXY TCP4 1.1.1.1 1.1.1.1 1 99999999999999999999\r\n",
  "proxy TCP4 1.1.1.1 1.1.1.1 1 2\r\n",
  "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x01x",
  "\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c".padEnd(28, "x"),
  "\r\n\r\n\0\r\nQUIT\n\x21\xff\xff\xff".padEnd(70_000, "x"),
];

function locked(name: string, prepare: (lockFile: string) => Promise<void>, role: Role = "root"): Attack {
  return {
    name: `${name} next to a UNIX socket`,
    victim: role,
    over: "tcp",
    isShort: true,
    run: async (target) => {
      const folder = await mkdtemp(join(tmpdir(), "pb-hostile-lock-"));
      try {
        await prepare(join(folder, "socket.lock"));
        assert.equal(await target.listen(join(folder, "socket")), "", "the server could not start");
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  };
}

/** Gives a file to another user, if this process may. Only then it is foreign. */
const NOBODY = 65_534;
const giveAway = (file: string): Promise<void> => chown(file, NOBODY, NOBODY).catch(() => undefined);

export const logins: readonly Attack[] = [
  {
    name: "400 questions about each of 40 names",
    victim: "file",
    sliceMs: 300,
    run: async (target) => {
      let right = await timing(target);
      // By chance alone, one run in eight is above the limit.
      if (right > 24) right = Math.min(right, await timing(target));
      assert(right <= 24, `the times tell of ${right} of 40 names whether they exist`);
    },
  },
  {
    name: "failures at 15,000 names from 200 addresses, which fill the tables",
    victim: "portal",
    sliceMs: 300,
    run: async (target) => {
      await guesses(target, 15_000, (index) => `name${index}`, address);
      const logIns = [
        ["alice", "secret", SECOND], // where the second connection has logged in
        ["bob", "hunter2", "127.0.0.98"],
      ] as const;
      for (const [name, password, from] of logIns) {
        const connection = await target.connect(from);
        const denial = await login(connection, new UsernamePassword(name, password)).then(() => "", String);
        assert.equal(denial, "", `${name} was kept out: ${denial}`);
        connection.terminate("closed");
      }
    },
  },
  {
    name: "the first login after a start",
    victim: "portal",
    isShort: true,
    run: async (target) => {
      const costs = [];
      for (let index = 0; index < 5; index++) {
        const before = await target.usage();
        await question(target, ["bob"], address(index));
        costs.push((await target.usage())!.cpuSeconds - before!.cpuSeconds);
      }
      const [atFirst = 0, ...later] = costs;
      const most = Math.max(...later);
      assert(atFirst <= most + 0.05, `it took ${atFirst} s of processor time, later ones ${most} s`);
    },
  },
  ...[1000, 1100].map((clients): Attack => ({
    name: `${clients} clients behind one address after a restart`,
    victim: "portal",
    sliceMs: 300,
    growthMiB: 256,
    run: async (target) => {
      await using unlimited = await Victim.start("open", target.program, target.over);
      const times = await restarts(target, unlimited, clients).catch(String);
      if (typeof times === "string") assert.fail(`a client was refused: ${times}`);
      const [withLimits, without] = times;
      assert(withLimits < without * 1.5, `they took ${withLimits} ms, without limits ${without} ms`);
    },
  })),
  {
    name: "a forged PROXY header from an address that is not a proxy",
    victim: "proxied",
    isShort: true,
    run: async (target) => {
      const forge = (index: number): string => `PROXY TCP4 10.9.8.${index} 127.0.0.1 1 2\r\n`;
      const checked = await guesses(
        target,
        150,
        () => "alice",
        () => "127.0.0.9",
        forge,
      );
      // A header in the stream ends the connection. One of HTTP is ignored: 20 is what one address may try.
      const allowed = target.over === "tcp" ? 0 : 20;
      assert(checked <= allowed, `${checked} of 150 guesses were checked`);
    },
  },
  {
    name: "malformed PROXY headers",
    victim: "proxied",
    over: "tcp",
    isShort: true,
    growthMiB: 64,
    run: async (target) => {
      for (const header of malformed) {
        const peer = await within(2000, target.peer("initiator", proxy, header));
        assert(peer?.isOpen !== true, `accepted ${JSON.stringify(header.slice(0, 60))}`);
      }
      await together(300, () => within(1000, target.peer("initiator", proxy, "PROXY TCP4 ")));
      return served(target, 5);
    },
  },
  {
    name: "sockets of 2,100 networks of one IPv6 /48 that do not log in",
    victim: "proxied",
    sliceMs: 300,
    growthMiB: 128,
    run: async (target) => {
      await together(2100, (index) => within(20_000, target.peer("initiator", proxy, site(index))));
      return served(target, 10);
    },
  },
  {
    name: "guesses at many names from the networks of one IPv6 /48",
    victim: "proxied",
    sliceMs: 300,
    run: async (target) => {
      const checked = await guesses(
        target,
        3000,
        (index) => `name${index}`,
        () => proxy,
        site,
      );
      assert(checked <= 1_900, `${checked} of 3,000 guesses were checked`);
    },
  },
  locked("a lock file of another user with the id of a process that lives", async (file) => {
    await symlink("1", file);
    await lchown(file, NOBODY, NOBODY).catch(() => undefined);
    if (process.geteuid?.() !== 0) await rm(file);
  }),
  locked("a lock file of another user that is no link", async (file) => {
    await writeFile(file, "1");
    await giveAway(file);
    if (process.geteuid?.() !== 0) await rm(file);
  }),
  locked("a lock file of a process that is dead", (file) => symlink("4194303", file)),
  locked("a lock file with words", (file) => symlink("../../etc/passwd", file)),
];
