// Counts the calls per second. (examples/pbbenchserver.py)

import { Avatar } from "@pb/broker";
import { InMemoryUsernamePasswordChecker, Portal } from "@pb/cred";
import { Float, tuple } from "@pb/jelly-types";
import type { Tuple } from "@pb/jelly-types";
import { listen } from "@pb/node-transport";

export class PBBenchPerspective extends Avatar {
  #callsPerSec = 0;

  perspective_simple(): null {
    this.#callsPerSec++;
    return null;
  }

  perspective_complexTypes(): [string, number, number, Float, unknown[], Tuple] {
    return ["a", 1, 1, new Float(1), [], tuple()];
  }

  printCallsPerSec(): void {
    console.log("(s) cps:", this.#callsPerSec);
    this.#callsPerSec = 0;
  }
}

const realm = {
  requestAvatar() {
    const avatar = new PBBenchPerspective();
    avatar.printCallsPerSec();
    const timer = setInterval(() => avatar.printCallsPerSec(), 1000);
    return { avatar, logout: () => clearInterval(timer) };
  },
};
const portal = new Portal(realm, [new InMemoryUsernamePasswordChecker({ benchmark: "benchmark" })]);
await listen(`tcp:${process.argv[2] ?? 8787}:interface=127.0.0.1`, portal);
