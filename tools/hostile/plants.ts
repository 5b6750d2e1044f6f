/** Weaknesses to plant, each by removing one guard from the sources. The attack that it enables must report it. */

import { readFileSync } from "node:fs";
import type { Plugin } from "esbuild";

export interface Plant {
  /** The file of the guard, in the folder `packages`. */
  readonly file: string;
  readonly guard: string;
  readonly instead: string;
  /** The attack that succeeds without the guard. */
  readonly attack: string;
}

export const plants: readonly Plant[] = [
  {
    file: "jelly-types/src/reading/hash-guard.ts",
    guard: "this.#comparisons > this.#allowed",
    instead: "false",
    attack: "root: set of integers",
  },
  {
    file: "jelly-types/src/reading/hash-guard.ts",
    guard: "id < SMALL_IDS",
    instead: "true",
    attack: "client: ids of references",
  },
  {
    file: "broker/src/broker.ts",
    guard: "expressionBytes: limits.messageBytes,",
    instead: "",
    attack: "root: an unfinished message over the limit",
  },
  {
    file: "cred/src/session/login-budgets.ts",
    guard: "[this.#address.budget(network), own, ",
    instead: "[own, ",
    attack: "portal: guesses at many names from one address",
  },
  {
    file: "cred/src/session/login-budgets.ts",
    guard: "this.#known.has(key, network)",
    instead: "false",
    attack: "portal: guesses at one name from 150 addresses",
  },
];

/** A plugin that replaces the guard. Throws when the file does not contain it exactly once. */
export function planted({ file, guard, instead }: Plant): Plugin {
  return {
    name: "planted weakness",
    setup: (build) =>
      build.onLoad({ filter: new RegExp(`/packages/${file.replaceAll(".", "\\.")}$`) }, ({ path }) => {
        const parts = readFileSync(path, "utf8").split(guard);
        if (parts.length !== 2) throw new Error(`${file} contains ${parts.length - 1} times: ${guard}`);
        return { contents: parts.join(instead), loader: "ts" };
      }),
  };
}
