// Both halves of ours, for the program that loads them without some features of the engine (features.mjs).

import { allVerdicts } from "./client.js";
import type { Verdict } from "./client.js";
import type { Variant } from "./contract.js";
import { connectTcp } from "./tcp.js";

export { startServer } from "./tcp.js";

export function clientVerdicts(variant: Variant, port: number): Promise<Verdict[]> {
  return allVerdicts({ variant, dialect: "pb", connect: connectTcp(port) });
}
