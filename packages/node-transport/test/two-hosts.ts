// Two hosts on one machine: a network namespace behind a pair of virtual cables, where the system lets us.

import { spawnSync } from "node:child_process";

const host = 200 + (process.pid % 50);
const [near, far] = [`10.213.${host}.1`, `10.213.${host}.2`];
const name = `pb-${process.pid}`;
const [cable, other] = [`pbn${process.pid % 100_000}`, `pbf${process.pid % 100_000}`];

/** The other host. */
export interface OtherHost extends Disposable {
  readonly address: string;
  /** What runs a program there. */
  readonly wrapper: readonly string[];
  /** From now on packets are sent and never arrive, in either direction; nobody is told. */
  cut(): void;
  mend(): void;
}

/** Undefined where it cannot be made: not root, not Linux, no `ip`. */
export function otherHost(): OtherHost | undefined {
  const inside: [string, ...string[]] = ["ip", "netns", "exec", name];
  const dispose = (): void => {
    ip("link", "del", cable);
    ip("netns", "del", name);
  };
  const made =
    ip("netns", "add", name) &&
    ip("link", "add", cable, "type", "veth", "peer", "name", other) &&
    ip("link", "set", other, "netns", name) &&
    ip("addr", "add", `${near}/24`, "dev", cable) &&
    ip("link", "set", cable, "up") &&
    run(...inside, "ip", "addr", "add", `${far}/24`, "dev", other) &&
    run(...inside, "ip", "link", "set", other, "up") &&
    run(...inside, "ip", "link", "set", "lo", "up");
  if (!made) {
    dispose();
    return undefined;
  }
  // A neighbour with an address that nobody has: what is sent to it is lost on the cable.
  const nobody = ["lladdr", "02:00:00:00:00:99", "nud", "permanent"];
  return {
    address: far,
    wrapper: inside,
    cut() {
      ip("neigh", "replace", far, "dev", cable, ...nobody);
      run(...inside, "ip", "neigh", "replace", near, "dev", other, ...nobody);
    },
    mend() {
      ip("neigh", "del", far, "dev", cable);
      run(...inside, "ip", "neigh", "del", near, "dev", other);
    },
    [Symbol.dispose]: dispose,
  };
}

function ip(...args: string[]): boolean {
  return run("ip", ...args);
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}
