// A second host on the same machine: a network namespace at the other end of a virtual network cable. Needs Linux and
// root.

import { spawnSync } from "node:child_process";

const host = 200 + (process.pid % 50);
const [near, far] = [`10.213.${host}.1`, `10.213.${host}.2`];
const name = `pb-${process.pid}`;
const [cable, other] = [`pbn${process.pid % 100_000}`, `pbf${process.pid % 100_000}`];

/** A second host. */
export interface OtherHost extends Disposable {
  readonly address: string;
  /** The address of this host, as the other one reaches it. */
  readonly near: string;
  /** A command that runs a program on the host. */
  readonly wrapper: readonly string[];
  /** From now on, packets in both directions are lost silently. */
  cut(): void;
  /** Ends `cut`. */
  mend(): void;
}

/** Creates a second host. Undefined if the system does not allow it: without root, Linux or the command `ip`. */
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
  // A link-layer address that no interface has: packets to it are lost on the cable.
  const noInterface = ["lladdr", "02:00:00:00:00:99", "nud", "permanent"];
  return {
    address: far,
    near,
    wrapper: inside,
    cut() {
      ip("neigh", "replace", far, "dev", cable, ...noInterface);
      run(...inside, "ip", "neigh", "replace", near, "dev", other, ...noInterface);
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
