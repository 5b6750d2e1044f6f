// The configuration of all tests and type tests of the repository.

import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

/** Tests run on the sources: the condition "@pb/source" resolves a package name to its src/index.ts. */
const conditions = ["@pb/source", "module", "node", "development|production"];

/** Test files that take longest, most of it waiting for programs and timers. They are started first. */
const LONG = [
  "packages/cli/test/recording/large-recordings.test.ts",
  "packages/cred/test/transport.test.ts",
  "packages/node-transport/test/{docs,network/!(two-hosts),server/{rolling-restart,shared-sockets,systemd}}.test.ts",
  "packages/web-transport/test/docs.test.ts",
  "tools/{browser/{auction,chromium,inspect,tabs},checks/layering,demo/demo,docs/readme,e2e/*/*,fuzz/fuzz}.test.ts",
  "tools/interop/{interop,missing-features,web}.test.ts",
];

/**
 * Test files that have a process of their own: they load compilers or browsers, measure memory, or depend on what is
 * imported. The other ones share processes, and with them the modules that they import: a new process with its imports
 * takes half a second.
 */
const ALONE = [
  "tools/!(checklist|docs|hostile)/**/*.test.ts",
  "packages/examples/**/*.test.ts",
  "packages/telemetry/test/trace/*.test.ts",
  "packages/node-transport/test/{default-watcher,network/*,server/same-user}.test.ts",
  "**/{attacks,complexity,crowd,docs,documents,errors,heap,heap-limit,portable,readme,transport,twisted}.test.ts",
];

/**
 * Test files that add a network interface to this machine. Chromium then gives up what it loads, with
 * ERR_NETWORK_CHANGED: they start after all others, when those with browsers have ended.
 */
const LAST = ["packages/node-transport/test/network/two-hosts.test.ts"];

const newestTsc = fileURLToPath(new URL("tools/node_modules/typescript-newest/bin/tsc", import.meta.url));

const everywhere = ["**/node_modules/**", "**/dist/**"];

/** Whether this is `npm test`. Otherwise all files have a process of their own. */
const isWhole = process.env.PB_WHOLE_SUITE !== undefined;
delete process.env.PB_WHOLE_SUITE; // Some tests start vitest.

const config = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["**/*.test.ts"],
    exclude: everywhere,
    // Many tests let a method fail, and only look at what the caller gets.
    onConsoleLog: (log) => !log.includes("give connectedPair an onEvent"),
    globalSetup: "tools/twisted/twisted.ts",
    // Fails a test of a package that leaves a timer, a listener, a socket or a process behind.
    setupFiles: "tools/leftovers/setup.ts",
    pool: "forks",
    // In the test processes and in the programs that they start.
    execArgv: ["--unhandled-rejections=strict"],
    env: { NODE_OPTIONS: "--unhandled-rejections=strict" },
    // At least four, also on two cores: the slow tests mostly wait for other processes and for timers.
    maxWorkers: Math.max(4, availableParallelism() - 1),
    // Timeouts only end tests that hang: the tests must also pass on a machine that is busy with other work.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 120_000 } },
    typecheck: {
      enabled: true,
      include: ["packages/*/test/**/*.test-d.ts"],
      tsconfig: "./tsconfig.type-tests.json",
      // TypeScript 7, which is native and takes a seventh of the time. `npm run types` checks them with TypeScript 6.
      checker: process.platform === "win32" ? "tsc" : newestTsc,
      // `npm run types` reports the errors of source files.
      ignoreSourceErrors: true,
    },
  },
});

/** Vitest starts the files of the projects in the order of their names. */
function project(name: string, files: ViteUserConfig["test"]): ViteUserConfig {
  return { ...config, test: { ...config.test, name, globalSetup: [], ...files } };
}

const projects = [
  project("1 long", { include: LONG }),
  project("2 alone", { include: ALONE, exclude: [...everywhere, ...LONG, ...LAST], typecheck: { enabled: false } }),
  project("3 together", {
    exclude: [...everywhere, ...LONG, ...ALONE, ...LAST],
    typecheck: { enabled: false },
    isolate: false,
  }),
  project("4 last", { include: LAST, typecheck: { enabled: false } }),
];

export default isWhole ? { ...config, test: { ...config.test, projects } } : config;
