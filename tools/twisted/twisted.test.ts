/** The Twisteds that were found are real: their Python imports Perspective Broker and says who it is. */
import { spawnSync } from "node:child_process";
import { describe, expect, inject, test } from "vitest";
import { pythonEnvironment } from "./twisted.js";

const twisteds = inject("twisteds");

describe.skipIf(twisteds.length === 0)("each Twisted that was found", () => {
  test.for(twisteds)("$version imports Perspective Broker", ({ python, version }) => {
    const script = "import twisted; from twisted.spread import pb; print(twisted.__version__, pb.portno)";
    const { stdout, stderr } = spawnSync(python, ["-c", script], { encoding: "utf8", env: pythonEnvironment() });
    expect({ stdout, stderr }).toEqual({ stdout: `${version} 8787\n`, stderr: "" });
  });

  test("is of a version of its own", () => {
    const versions = twisteds.map(({ version }) => version);
    expect(new Set(versions).size).toBe(versions.length);
  });
});

test.runIf(process.env.CI === "true")("CI judges against both versions", () => {
  expect(twisteds.map(({ version }) => version.split(".").slice(0, 2).join("."))).toEqual(["22.4", "26.4"]);
});
