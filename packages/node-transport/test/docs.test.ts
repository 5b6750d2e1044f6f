// README.md, OPERATIONS.md, RECIPES.md and MONITORING.md: their programs compile and run, their numbers are the
// defaults, and all events and codes are explained.

import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultBrokerLimits } from "@pb/broker";
import { connect, defaultServerLimits } from "@pb/node-transport";
import { compilerErrors } from "../../../tools/process/compile.js";
import { freePort } from "../../../tools/process/ports.js";
import { typescript } from "../../../tools/process/program.js";
import { Authority } from "./support/certificates.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const here = fileURLToPath(new URL("../", import.meta.url));
const readme = readFileSync(join(here, "README.md"), "utf8");
const operations = readFileSync(join(here, "OPERATIONS.md"), "utf8");

const deployment = ["DEPLOYMENT.md", "CORES.md"].map((name) => readFileSync(join(here, name), "utf8")).join("\n");
const recipes = readFileSync(join(here, "RECIPES.md"), "utf8");
const monitoring = readFileSync(join(here, "MONITORING.md"), "utf8");
/** The programs of RECIPES.md and MONITORING.md, and what they print. */
const outputs = [
  ...`${recipes}\n${monitoring}`.matchAll(/```ts\n\/\/ (\S+)\n(?:(?!```)[^])*```\n\n```text\n([^]*?)```/g),
].map(([, name = "", output = ""]) => [name, output] as const);

const programs = [
  ...`${readme}\n${operations}\n${deployment}\n${recipes}\n${monitoring}`.matchAll(/```ts\n(\/\/ (\S+)\n[^]*?)```/g),
].map(([, code = "", name = ""]) => ({
  code,
  name,
}));

describe.skipIf(process.platform === "win32")("the programs", () => {
  let folder: string;

  beforeAll(async () => {
    // In a folder from which the packages can be imported.
    const cache = join(root, "tools/node_modules/.cache");
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, "pb-sockets-"));
    writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
    const authority = new Authority("Our CA");
    const { key, cert } = authority.issue("localhost");
    for (const [name, text] of Object.entries({ key, cert, ca: authority.cert }))
      writeFileSync(join(folder, `${name}.pem`), text);
    const [tcp, tls] = [await freePort(), await freePort()];
    for (const { code, name } of programs) {
      const local = code.replaceAll("8787", String(tcp)).replaceAll("8788", String(tls)).replaceAll("/run/clock/", "");
      writeFileSync(join(folder, name), local);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("compile", () => {
    const files = programs.map(({ name }) => name);
    expect(compilerErrors(folder, files)).toBe("");
  });

  test.for([
    ["tcp-server.ts", "tcp-client.ts", /^\d+:\d\d:\d\d [AP]M\n$/],
    ["tcp-server.ts", "steady-client.ts", /^ready\n\d+:\d\d:\d\d [AP]M\n$/],
    ["tls-server.ts", "tls-client.ts", /^localhost\n\d+:\d\d:\d\d [AP]M\n$/],
    ["unix-server.ts", "unix-client.ts", /^\d+:\d\d:\d\d [AP]M\n$/],
  ] as const)("%s and %s run", async ([server, client, expected]) => {
    const serving = start(server);
    try {
      await Promise.race([once(serving.process.stdout!, "data"), once(serving.process, "close")]);
      expect(serving.output()).toMatch(/^Listening/);
      const calling = start(client);
      await once(calling.process, "close");
      expect(calling.output().replaceAll("\u202f", " ")).toMatch(expected);
      const exited = once(serving.process, "close");
      serving.process.kill(server === "tcp-server.ts" ? "SIGTERM" : "SIGKILL");
      const [status] = (await exited) as [number | null];
      if (server === "tcp-server.ts") expect(status).toBe(0);
    } finally {
      serving.process.kill("SIGKILL");
    }
  });

  test("that print something are found", () => expect(outputs).toHaveLength(11));

  test.for(outputs)("%s prints what its document shows", async ([name, expected]) => {
    const program = start(name);
    await once(program.process, "close");
    expect(program.output()).toBe(expected);
  });

  test("the service runs on an inherited socket and drains on SIGTERM", async () => {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as AddressInfo;
    const { fd } = (listener as unknown as { _handle: { fd: number } })._handle;
    const service = start("service.ts", ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"], ["pipe", "pipe", "inherit", fd]);
    await once(service.process, "spawn");
    listener.close();
    const connection = await connect(`tcp:127.0.0.1:${port}`);
    const clock = await connection.getRootObject();
    expect(await clock.callRemote("now")).toMatch(/^\d{4}-.*Z$/);
    const exited = once(service.process, "close");
    service.process.kill("SIGTERM");
    expect((await exited)[0]).toBe(0);
    expect((await connection.closed).reason).toBe("lost");
  });

  function start(
    name: string,
    wrapper: string[] = [],
    stdio: StdioOptions = ["ignore", "pipe", "pipe"],
  ): { process: ChildProcess; output: () => string } {
    const [command = "", ...args] = [...wrapper, ...typescript(join(folder, name))];
    const env = { ...process.env, LISTEN_FDS: "1", LISTEN_FDNAMES: "pb" };
    const child = spawn(command, args, { cwd: folder, stdio, env, timeout: 250_000 });
    let output = "";
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (output += text));
    return { process: child, output: () => output };
  }
});

describe("OPERATIONS.md", () => {
  const rows = [...operations.matchAll(/^\| `(\w+)` *\| ([\d,]+) /gm)].map(
    ([, name = "", number = ""]) => [name, Number(number.replaceAll(",", ""))] as const,
  );

  test("lists every limit of a server with its default", () => {
    for (const [name, value] of Object.entries(defaultServerLimits)) expect(rows).toContainEqual([name, value]);
  });

  test("lists the defaults of a connection", () => {
    const others = rows.filter(([name]) => !Object.hasOwn(defaultServerLimits, name));
    expect(others.length).toBeGreaterThan(3);
    for (const [name, value] of others) expect(defaultBrokerLimits).toMatchObject({ [name]: value });
  });

  test("explains every reason, every code and every event", () => {
    const sources = ["../broker/src/errors.ts", "src/errors.ts", "../transport/src/server/server-events.ts"].map(
      (path) => readFileSync(join(here, path), "utf8"),
    );
    const [reasons = ""] = /export type CloseReason =[^;]*;/.exec(sources[0]!) ?? [];
    const [codes = ""] = /export type ConnectErrorCode =[^;]*;/.exec(sources[1]!) ?? [];
    const [events = ""] = /export type ServerEvent =[^]*?;\n\n/.exec(sources[2]!) ?? [];
    const words = [
      ...reasons.matchAll(/"(\w+)"/g),
      ...codes.matchAll(/"(\w+)"/g),
      ...events.matchAll(/kind: "(\w+)"/g),
    ];
    expect(words.length).toBeGreaterThan(18);
    for (const [, word] of words) expect(operations).toContain(`\`${word!}\``);
  });

  test.runIf(spawnSync("systemd-analyze", ["--version"]).status === 0)("has units that systemd accepts", () => {
    const units = [...operations.matchAll(/```ini\n# (\S+)\n([^]*?)```/g)];
    expect(units.map(([, name]) => name)).toEqual(["clock.socket", "clock.service"]);
    const place = mkdtempSync(join(root, "tools/node_modules/.cache/pb-units-"));
    for (const [, name = "", text = ""] of units)
      writeFileSync(
        join(place, name),
        text.replace("/usr/bin/node", process.execPath).replace("/opt/clock/service.js", process.execPath),
      );
    const paths = units.map(([, name = ""]) => join(place, name));
    const { stderr, status } = spawnSync("systemd-analyze", ["verify", ...paths], { encoding: "utf8" });
    rmSync(place, { recursive: true });
    expect(stderr.split("\n").filter((line) => line.includes("clock."))).toEqual([]);
    expect([0, 1]).toContain(status);
  });

  test("links to files that exist", () => {
    for (const [, path = ""] of `${readme}\n${operations}\n${deployment}\n${recipes}\n${monitoring}`.matchAll(
      /\]\((?!https:)([^)#]+)[^)]*\)/g,
    ))
      expect(existsSync(join(here, path)), path).toBe(true);
  });
});
