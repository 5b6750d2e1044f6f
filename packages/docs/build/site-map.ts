// The pages of the site, in the order of the sidebar. Each is a Markdown file of this repository, or a part of one.

import { readFileSync } from "node:fs";
import { parts } from "./parts.js";
import type { Part } from "./parts.js";
import { slugify } from "./slugify.js";

export interface Group {
  readonly title: string;
  /** The address of each page on the site, and its file in the repository. Its first heading is its title. */
  readonly pages: readonly (readonly [address: string, file: string])[];
}

export const groups: readonly Group[] = [
  {
    title: "Start",
    pages: [
      ["start/what-is-pb", "packages/docs/start/what-is-pb.md"],
      ["start/concepts", "packages/docs/start/concepts.md"],
      ["start/install", "packages/docs/start/install.md"],
      ["start/typescript", "packages/docs/start/typescript.md"],
      ["start/browser", "packages/docs/start/browser.md"],
      ["start/twisted", "packages/docs/start/twisted.md"],
      ["start/codec", "packages/docs/start/codec.md"],
      ["start/cheat-sheet", "packages/docs/start/cheat-sheet.md"],
      ["start/not-supported", "packages/docs/start/not-supported.md"],
    ],
  },
  {
    title: "Examples",
    pages: [
      ["examples/chat", "packages/docs/examples/chat.md"],
      ["examples/live-board", "packages/docs/examples/live-board.md"],
      ["examples/files", "packages/docs/examples/files.md"],
      ["examples/jobs", "packages/docs/examples/jobs.md"],
      ["examples/python-server", "packages/docs/examples/python-server.md"],
      ["examples/python-client", "packages/docs/examples/python-client.md"],
      ["examples/workers", "packages/docs/examples/workers.md"],
      ["examples/capture", "packages/docs/examples/capture.md"],
    ],
  },
  {
    title: "Objects and calls",
    pages: [["guide/broker", "packages/broker/GUIDE.md"]],
  },
  {
    title: "Sockets, browsers, workers",
    pages: [
      ["transports/sockets", "packages/node-transport/README.md"],
      ["transports/recipes", "packages/node-transport/RECIPES.md"],
      ["transports/web", "packages/web-transport/README.md"],
      ["transports/browsers", "packages/web-transport/GUIDE.md"],
    ],
  },
  {
    title: "Logins",
    pages: [
      ["logins/cred", "packages/cred/README.md"],
      ["logins/portals", "packages/cred/GUIDE.md"],
      ["logins/choosing", "packages/cred/LOGINS.md"],
    ],
  },
  {
    title: "Live state",
    pages: [
      ["live/package", "packages/live/README.md"],
      ["live/guide", "packages/live/GUIDE.md"],
      ["live/frameworks", "packages/live/FRAMEWORKS.md"],
      ["live/cluster", "packages/cluster/README.md"],
      ["live/nats", "packages/cluster/NATS.md"],
      ["live/cluster-scaling", "packages/cluster/SCALING.md"],
    ],
  },
  {
    title: "Operations and security",
    pages: [
      ["operations/production", "packages/node-transport/OPERATIONS.md"],
      ["operations/deployment", "packages/node-transport/DEPLOYMENT.md"],
      ["operations/cores", "packages/node-transport/CORES.md"],
      ["operations/monitoring", "packages/node-transport/MONITORING.md"],
      ["operations/telemetry", "packages/telemetry/README.md"],
      ["operations/tracing", "packages/telemetry/GUIDE.md"],
      ["operations/security", "SECURITY.md"],
      ["operations/cli", "packages/cli/README.md"],
      ["operations/debugging", "packages/cli/DEBUGGING.md"],
      ["operations/recordings", "packages/cli/RECORDINGS.md"],
    ],
  },
  {
    title: "Values and formats",
    pages: [
      ["formats/banana", "packages/banana/README.md"],
      ["formats/banana-format", "packages/banana/FORMAT.md"],
      ["formats/jelly", "packages/jelly-types/README.md"],
      ["formats/values", "packages/jelly-types/VALUES.md"],
      ["formats/wire", "docs/wire-specification.md"],
      ["formats/extension", "docs/extension.md"],
    ],
  },
  {
    title: "More packages",
    pages: [
      ["packages/txpb", "packages/txpb/README.md"],
      ["packages/broker", "packages/broker/README.md"],
      ["packages/transport", "packages/transport/README.md"],
      ["packages/examples", "packages/examples/README.md"],
    ],
  },
  {
    title: "Measurements",
    pages: [
      ["measured/calls", "tools/bench/TABLE.md"],
      ["measured/live", "tools/bench/LIVE.md"],
      ["measured/consumers", "tools/consumers/TABLE.md"],
      ["measured/engines", "tools/engines/TABLE.md"],
      ["measured/browsers", "tools/browser/TABLE.md"],
      ["measured/attacks", "tools/hostile/RESULTS.md"],
    ],
  },
];

/** The page at `/`, which has no place in the sidebar. */
export const home = "packages/docs/index.md";

/** Where the site will be, for `llms.txt`. */
export const publicAddress = "https://perspective-broker.github.io/pb/";

export interface Page extends Part {
  readonly address: string;
  readonly file: string;
}

const root = new URL("../../../", import.meta.url);

/** The pages that a file becomes: one, or several if it is long. */
export function pagesOf(address: string, file: string): Page[] {
  const [first, ...others] = parts(readFileSync(new URL(file, root), "utf8"));
  const rest = others.map((part) => ({ ...part, address: `${address}/${slugify(part.title)}`, file }));
  return [{ ...first!, address, file }, ...rest];
}
