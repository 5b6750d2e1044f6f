/** Weaknesses to plant, each by removing one guard from the sources. The attack that it enables must report it. */

import { readFileSync } from "node:fs";
import type { Plugin } from "esbuild";

/** A change of one place in the sources. */
export interface Change {
  /** The file of the guard, in the folder `packages`. */
  readonly file: string;
  readonly guard: string;
  readonly instead: string;
}

export interface Plant extends Change {
  /** The attack that succeeds without the guard. */
  readonly attack: string;
}

const plant = (attack: string, file: string, guard: string, instead: string): Plant => ({
  attack,
  file,
  guard,
  instead,
});
const guards = "jelly-types/src/reading/hash-guard.ts";
const budgets = "cred/src/session/login-budgets.ts";

const UNFINISHED = "calls with empty dicts that do not finish, on ten connections, twice";

export const plants: readonly Plant[] = [
  plant("root: set of integers", guards, "this.#comparisons > this.#allowed", "false"),
  plant("client: ids of references", guards, "id < SMALL_IDS", "true"),
  plant("root: empty tuples, large", "banana/src/reading/heap.ts", "(allowance.left -= bytes) < 0", "bytes < 0"),
  plant(
    "portal: unfinished messages",
    "broker/src/broker-connection.ts",
    "Math.min(limits.strangerMessageBytes, config.messageBytes)",
    "config.messageBytes",
  ),
  plant(
    "root: state instead of an accessor",
    "jelly-types/src/types/instances/copy.ts",
    "isMember(instance, key) || (isError",
    "(isError",
  ),
  plant(
    "portal: guesses at many names from one address",
    budgets,
    "[...ofNetworks(this.#addresses), ...own, ",
    "[...own, ",
  ),
  plant(
    "web portal: unfinished messages of 1 MiB on 600 connections",
    "web-transport/src/node/unfinished-messages.ts",
    "this.#total > this.#most",
    "this.#total < 0",
  ),
  plant(`root: ${UNFINISHED}`, "node-transport/src/platform.ts", "const HEAP_SHARE = 3 / 8", "const HEAP_SHARE = 100"),
  plant(
    "guests: unfinished messages after an anonymous login, on six connections",
    "broker/src/broker.ts",
    'typeof avatarId === "string" || config.root?.trustsAnonymous === true',
    "true",
  ),
  plant("proxied: guesses at many names from the networks of one IPv6 /48", budgets, "[1, 4, 16]", "[1, 1e9, 1e9]"),
  plant(
    "proxied: a forged PROXY header from an address that is not a proxy",
    "node-transport/src/proxy/trusted-proxies.ts",
    "contains(list, remoteAddress);",
    'remoteAddress !== "127.0.0.50";', // the address of the second connection, which sends no header
  ),
  plant(
    "client: a certificate that nobody has verified",
    "cred/src/client-logins.ts",
    "if (!isEncrypted && ",
    "if (!isEncrypted && false && ",
  ),
  plant(
    "client: published objects of two servers with one id",
    "broker/src/features/publish.ts",
    'typeof scope === "function" ? scope(context.connection) : scope',
    '"the same"',
  ),
  plant(
    "client: pages that are not consumed",
    "broker/src/features/page-collector.ts",
    "const MAX_WAITING_BYTES = 64 * 1024 * 1024",
    "const MAX_WAITING_BYTES = 1e12",
  ),
  plant(
    "client: an error with forged text that is printed",
    "broker/src/wire/failure.ts",
    "super(printable(message, LONGEST_SHOWN))",
    "super(message)",
  ),
  plant(
    "client: patches that move all items of a list",
    "live/src/state/patch.ts",
    "list.splice(index, count, ...items.slice(0, SPLICED))",
    "for (const item of [...items, ...list.splice(index).slice(count)]) list.push(item)",
  ),
  plant(
    "client: patches that are packed, and consist of empty dicts",
    "live/src/packed/unpack.ts",
    "bytes.length > MOST_PACKED_BYTES",
    "false",
  ),
  plant(
    "root: calls that run once with arguments of 60 kB, and do not finish",
    "broker/src/pbx/kept-answers.ts",
    "count >= keptAnswers",
    "count >= 1e9",
  ),
  plant("portal: guesses at one name from 150 addresses", budgets, "this.#known.has(key, narrowest)", "false"),
];

/** A plugin that replaces the guard. Throws when the file does not contain it exactly once. */
export function planted({ file, guard, instead }: Change): Plugin {
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
