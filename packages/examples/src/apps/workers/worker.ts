// A worker that counts primes, and tells how far it is.

import { parentPort } from "node:worker_threads";
import { Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { listen } from "@pb/web-transport";
import type { Progress } from "./client.js";

export class Primes extends Root {
  async remote_count(limit: number, progress: RemoteReference<Progress>) {
    let found = 0;
    for (let number = 2; number <= limit; number++) {
      if (isPrime(number)) found++;
      if (number % (limit / 4) === 0) await progress.callRemote("at", number); // the page can stop slow work here
    }
    return found;
  }
}

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return true;
}

listen(parentPort!, new Primes()); // in the worker of a page: listen(globalThis, new Primes())
