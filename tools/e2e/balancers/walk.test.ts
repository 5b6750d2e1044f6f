// DEPLOYMENT.md, step by step: the program with its certificate, its password file and its admin socket, twice behind
// haproxy, and the commands of the operator.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { run } from "../../../packages/cli/src/index.js";
import { freePort } from "../../process/ports.js";
import { Program, typescript, until } from "../../process/program.js";
import { BEHIND, hasHaproxy, page, startHaproxy } from "./balancer.js";

const canRun = hasHaproxy() && spawnSync("openssl", ["version"]).status === 0;

const [, program = ""] = /```ts\n(\/\/ shop\.ts\n[^]*?)```/.exec(page) ?? [];
const [, certificates = ""] = /```sh\n(cd \/etc\/shop\n[^]*?)```/.exec(page) ?? [];

/** Runs `pb` with the password `secret`. */
async function pb(...args: string[]): Promise<string> {
  let output = "";
  const write = (text: string): unknown => (output += text);
  const stdin = new PassThrough();
  stdin.end("secret\n");
  const { signal } = new AbortController();
  const io = { stdin, stdout: { write }, stderr: { write }, env: { PB_PASSWORD: "secret" }, signal };
  const status = await run(args, io);
  return `${status} ${output}`;
}

test.skipIf(!canRun)("a pair of servers, from nothing to a restart", async () => {
  const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "pb-walk-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');

  const made = spawnSync("sh", ["-ec", certificates.replace("/etc/shop", folder)], { encoding: "utf8" });
  expect(made.status, made.stderr).toBe(0);
  expect(await pb("passwd", join(folder, "users"), "ann", "--create")).toMatch(/^0 ann: added \(scram-sha-256\)/);

  const ports = [await freePort(), await freePort()];
  const health = [await freePort(), await freePort()];
  const admin = (index: number): string => join(folder, `${index}.sock`);
  const start = async (index: number): Promise<Program> => {
    const replaced = [
      ["ssl:8787", `ssl:${ports[index]!}:interface=${BEHIND}`],
      ["10.0.0.5", "127.0.0.1"],
      ["listen(9100)", `listen(${health[index]!}, "127.0.0.1")`],
      ["/run/shop/admin.sock", admin(index)],
    ] as const;
    let code = program.replaceAll("/etc/shop", folder);
    for (const [text, other] of replaced) {
      if (!code.includes(text)) throw new Error(`shop.ts does not contain ${text}`);
      code = code.replaceAll(text, other);
    }
    const file = join(folder, `shop${index}.ts`);
    writeFileSync(file, code);
    const started = new Program(`shop ${index}`, typescript(file), { cwd: folder });
    expect(await started.nextLine()).toBe("listening");
    return started;
  };
  const servers = await Promise.all([start(0), start(1)]);
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  await using haproxy = await startHaproxy(ports, 2);
  const [, host, port] = haproxy.endpoint.split(":");
  const to = `tls:${host!}:${port!}:hostname=shop.example.org:trustRoots=${join(folder, "ca.pem")}`;

  expect(await pb("doctor", to, "--login", "ann")).toMatch(/^0 /);
  expect(await pb("call", to, "root.price", "apple", "--login", "ann")).toMatch(/^0 5\n/);
  for (const index of [0, 1]) {
    expect(await pb("top", admin(index))).toMatch(/^0 pid .* listening, /s);
    expect(await pb("sessions", admin(index))).toMatch(/^0 /);
    expect((await fetch(`http://127.0.0.1:${health[index]!}/`)).status).toBe(200);
  }

  for (const index of [0, 1]) {
    servers[index]!.kill("SIGTERM");
    expect(await servers[index]!.exit).toBe(0);
    expect(await pb("call", to, "root.price", "pear", "--login", "ann")).toMatch(/^0 4\n/);
    servers[index] = await start(index);
    await until(
      async () => (await pb("call", to, "root.price", "fig", "--login", "ann")).startsWith("0 3\n"),
      "haproxy",
    );
  }
});
