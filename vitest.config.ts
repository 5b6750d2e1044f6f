// The configuration of all tests and type tests of the repository.

import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Tests run on the sources: the condition "@pb/source" resolves a package name to its src/index.ts. */
const conditions = ["@pb/source", "module", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    // Many tests let a method fail, and only look at what the caller gets.
    onConsoleLog: (log) => !log.includes("give connectedPair an onEvent"),
    globalSetup: "tools/twisted/twisted.ts",
    // Fails a test of a package that leaves a timer, a listener, a socket or a process behind.
    setupFiles: "tools/leftovers/setup.ts",
    pool: "forks",
    // In the test processes and in the programs that they start.
    execArgv: ["--unhandled-rejections=strict"],
    env: { NODE_OPTIONS: "--unhandled-rejections=strict" },
    // At least three, also on two cores: the slow tests mostly wait for other processes and for timers.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    // Timeouts only end tests that hang: the tests must also pass on a machine that is busy with other work.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 60_000,
    expect: { poll: { timeout: 120_000 } },
    typecheck: {
      enabled: true,
      include: ["packages/*/test/**/*.test-d.ts"],
      tsconfig: "./tsconfig.json",
      // `npm run types` reports the errors of source files.
      ignoreSourceErrors: true,
    },
  },
});
