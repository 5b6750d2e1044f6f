// The Twisted versions that the tests use can import Perspective Broker and report the expected version.

import { spawnSync } from "node:child_process";
import { describe, expect, inject, test } from "vitest";
import { pythonEnvironment, versions } from "./twisted.js";

const twisteds = inject("twisteds");

describe.skipIf(twisteds.length === 0)("each Twisted", () => {
  test.for(twisteds)("$version imports Perspective Broker", ({ python, version }) => {
    const script = "import twisted; from twisted.spread import pb; print(twisted.__version__, pb.portno)";
    const { stdout, stderr } = spawnSync(python, ["-c", script], { encoding: "utf8", env: pythonEnvironment() });
    expect({ stdout, stderr }).toEqual({ stdout: `${version} 8787\n`, stderr: "" });
  });

  test("has a different version", () => {
    const found = twisteds.map(({ version }) => version);
    expect(new Set(found).size).toBe(found.length);
  });
});

test.runIf(process.env.CI === "true")("CI tests against both versions", () => {
  expect(twisteds.map(({ version }) => version.split(".").slice(0, 2).join("."))).toEqual([...versions]);
});
