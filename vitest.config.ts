import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

/** Tests run on the sources: "@pb/source" leads from a package's name to its src/index.ts. */
const conditions = ["@pb/source", "module", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "tools/**/*.test.ts"],
    exclude: ["**/node_modules/**", "**/dist/**"],
    globalSetup: "tools/twisted/vitest-setup.ts",
    pool: "forks",
    // At least two: many of the slow tests wait for other processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 20_000,
    hookTimeout: 60_000,
    typecheck: {
      enabled: true,
      include: ["packages/*/test/**/*.test-d.ts"],
      tsconfig: "./tsconfig.json",
      // An error in a source file is for `npm run types` to tell.
      ignoreSourceErrors: true,
    },
  },
});
