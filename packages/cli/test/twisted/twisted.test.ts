// `pb` with real Twisted programs.

import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { Program } from "../../../../tools/process/program.js";
import { noTwisted, pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { folder } from "../../../node-transport/test/support/echo.js";
import { record } from "../replay/record.js";
import { pb } from "../support.js";

const script = fileURLToPath(new URL("../../../../tools/interop/peers/pb_server.py", import.meta.url));
const twisteds = inject("twisteds");

test("a Twisted is installed", ({ skip }) => {
  skip(twisteds.length === 0, noTwisted);
  expect(twisteds.length).toBeGreaterThan(0);
});

describe.skipIf(twisteds.length === 0).each(twisteds)("with Twisted $version", ({ python }) => {
  const programs: Program[] = [];
  let root = "";
  let portal = "";

  beforeAll(async () => {
    const endpoints = ["root", "portal"].map(async (variant) => {
      const program = new Program(`Twisted's ${variant}`, [python, script, variant, "0"], { env: pythonEnvironment() });
      programs.push(program);
      return `tcp:127.0.0.1:${(await program.nextJson<{ listening: number }>()).listening}`;
    });
    [root = "", portal = ""] = await Promise.all(endpoints);
  });
  afterAll(() => Promise.all(programs.map((program) => program.stop())));

  test("calls with exact types", async () => {
    const args = ["1", "2.0", '{"$tuple": [{"$ascii": "a"}]}', '{"$decimal": "1.10"}', "--kw", 'c={"$set": [1]}'];
    const { stdout } = await pb(["call", root, "root.show", ...args, "--json"]);
    expect(stdout).toBe(
      '{"result": {"$tuple": [{"$tuple": [1, 2.0, {"$tuple": [{"$ascii": "a"}]}, {"$decimal": "1.10"}]}, {"c": {"$set": [1]}}]}}\n',
    );
  });

  test("shows every type, unknown classes, references and errors", async () => {
    expect(await pb(["call", root, "root.types"])).toMatchObject({ status: 0, stderr: "" });
    const point = await pb(["call", root, "root.get_point"]);
    expect(point.stdout).toContain('{"$class": "contract.Point", "state": {');
    const error = await pb(["call", root, "root.nosuch"]);
    expect(error).toMatchObject({ status: 1, stderr: expect.stringContaining("twisted.spread.flavors.NoSuchMethod") });
  });

  test("logs in, and tells a wrong password", async () => {
    const whoami = ["call", portal, "root.whoami", "--json", "--login", "alice"];
    expect((await pb(whoami, { env: { PB_PASSWORD: "secret" } })).stdout).toBe('{"result": {"$ascii": "alice"}}\n');
    expect((await pb(whoami, { env: { PB_PASSWORD: "wrong" } })).status).toBe(4);
    const checked = await pb(["doctor", portal, "--silence", "60", "--login", "alice"], {
      env: { PB_PASSWORD: "secret" },
    });
    expect(checked).toMatchObject({ status: 0, stderr: "" });
    expect(checked.stdout).toContain("Perspective Broker, dialects pb, none");
    expect(checked.stdout).toContain("none: a stock peer");
    expect(checked.stdout).toContain("PB's challenge and response");
    expect(checked.stdout).toContain("the server accepts the login");
  });

  test("replays either end of a recorded conversation", async () => {
    using files = folder();
    const recording = files.file("portal.pbrec");
    const env = { PB_PASSWORD: "secret" };
    const whoami = (endpoint: string) => ["call", endpoint, "root.whoami", "--json", "--login", "alice"];
    await record(recording, Number(portal.split(":")[2]), (endpoint) => pb(whoami(endpoint), { env }));
    const client = await pb(["replay", recording, "--as", "client", "--to", portal], { env });
    expect(client).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("received as recorded") });
    const wrong = await pb(["replay", recording, "--as", "client", "--to", portal], { env: { PB_PASSWORD: "wrong" } });
    expect(wrong).toMatchObject({ status: 7, stdout: expect.stringContaining("UnauthorizedLogin") });
    let called: Promise<{ stdout: string }> | undefined;
    const server = await pb(["replay", recording, "--as", "server", "--listen", "tcp:0"], {
      onOutput: (text) =>
        void (called ??= pb(whoami(text.replace(/^listening at tcp:(\d+).*\n/, "tcp:127.0.0.1:$1")), { env })),
    });
    expect(server.status).toBe(0);
    expect((await called!).stdout).toBe('{"result": {"$ascii": "alice"}}\n');
  });
});
