// The configuration of `npm run real`: the tests in this folder, with every build of Buildbot.

import { defineConfig } from "vitest/config";
import config from "../../vitest.config.js";

export default defineConfig({
  ...config,
  test: {
    ...config.test,
    include: ["tools/e2e/**/*.test.ts"],
    env: { PB_REAL: "true" },
    reporters: ["verbose"],
    typecheck: { enabled: false },
  },
});
