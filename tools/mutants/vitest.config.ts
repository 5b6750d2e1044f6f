// The configuration of vitest for `npm run mutants`: the tests that PB_MUTANTS_TESTS names, without those that start
// other programs, measure memory, or take long.

import base from "../../vitest.config.js";

export default {
  ...base,
  test: {
    ...base.test,
    include: [process.env.PB_MUTANTS_TESTS ?? "packages/*/test/**/*.test.ts"],
    exclude: [
      "**/test/twisted/**",
      // Imports other packages by their paths. Stryker tests in a copy of the repository that uses the originals.
      "**/broker/test/errors.test.ts",
      "**/{attacks,complexity,crowd,docs,documents,heap,portable,readme,transport,twisted}.test.ts",
    ],
    // One process for all test files: a mutant is switched on by a variable, so the modules can be shared.
    isolate: false,
    typecheck: { enabled: false },
    expect: { poll: { timeout: 5_000 } },
    // The first run, without a change, must not fail: code that counts its changes is many times slower.
    testTimeout: 1_800_000,
  },
};
