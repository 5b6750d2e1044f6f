// Runs Debian's haproxy and nginx in front of two servers, with the configurations of DEPLOYMENT.md.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program, until } from "../../process/program.js";
import type { Command } from "../../process/program.js";
import { freePort, isListening } from "../../process/ports.js";
import { aptInstall } from "../../twisted/install.js";

/** Addresses of loopback that no other test uses, so that no other test takes a port of them. */
export const FRONT = "127.0.0.79";
export const BEHIND = "127.0.0.80";

const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/sbin` };
export const page = readFileSync(new URL("../../../packages/node-transport/DEPLOYMENT.md", import.meta.url), "utf8");

/** Whether there is an haproxy. In CI, it is installed from Debian's packages. */
export const hasHaproxy = (): boolean =>
  isThere("haproxy", () => spawnSync("haproxy", ["-v"], { env }).status === 0, ["haproxy"]);

const STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so";

/** Whether there is an nginx with Debian's module for TCP. In CI, both are installed. */
export const hasNginxStream = (): boolean =>
  isThere("nginx", () => spawnSync("nginx", ["-v"], { env }).status === 0 && existsSync(STREAM), [
    "nginx",
    "libnginx-mod-stream",
  ]);

function isThere(name: string, look: () => boolean, packages: readonly string[]): boolean {
  if (process.platform !== "linux") return false;
  const found = look() || (process.env.CI === "true" && aptInstall(packages) && look());
  if (!found) console.warn(`SKIPPED: the tests behind ${name}, because Debian's ${packages.join(" and ")} are missing`);
  return found;
}

export interface Balancer extends AsyncDisposable {
  /** The endpoint for clients. */
  readonly endpoint: string;
}

/** Starts haproxy in front of two ports of {@link BEHIND}. It checks them five times per second. */
export async function startHaproxy(ports: readonly number[], version: 1 | 2): Promise<Balancer> {
  const command = (folder: string): Command => ["haproxy", "-db", "-f", join(folder, "haproxy.cfg")];
  return start("haproxy.cfg", ports, command, [
    ["inter 1s", "inter 200ms"],
    ["send-proxy-v2", version === 1 ? "send-proxy" : "send-proxy-v2"],
    ["/run/haproxy/", "%FOLDER%/"],
    ["maxconn 20000", "maxconn 200"],
  ]);
}

/** Starts nginx in front of two ports of {@link BEHIND}. */
export async function startNginxStream(ports: readonly number[]): Promise<Balancer> {
  const command = (folder: string): Command => [
    ...(["nginx", "-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"] as const),
    ...(["-g", `daemon off; pid ${folder}/pid; worker_processes 1; load_module ${STREAM};`] as const),
  ];
  return start("nginx.conf", ports, command, [["load_module modules/ngx_stream_module.so;", ""]]);
}

async function start(
  name: string,
  [one, two]: readonly number[],
  command: (folder: string) => Command,
  replaced: readonly (readonly [string, string])[],
): Promise<Balancer> {
  const folder = mkdtempSync(join(tmpdir(), "pb-balancer-"));
  const port = await freePort();
  const addresses = [
    ["10.0.0.5:8787", `${FRONT}:${port}`],
    ["10.0.0.11:8787", `${BEHIND}:${one!}`],
    ["10.0.0.12:8787", `${BEHIND}:${two!}`],
  ] as const;
  let [, config = ""] = new RegExp(`\`\`\`(?:\\w+)\n# \\S+/${name}\n([^]*?)\`\`\``).exec(page) ?? [];
  for (const [text, other] of [...addresses, ...replaced]) {
    if (!config.includes(text)) throw new Error(`DEPLOYMENT.md: ${name} does not contain "${text}"`);
    config = config.replaceAll(text, other);
  }
  writeFileSync(join(folder, name), config.replaceAll("%FOLDER%", folder));
  const program = new Program(name, command(folder), { env });
  await until(async () => program.hasExited || isListening(port, FRONT), `${name} to be used`);
  if (program.hasExited) throw await program.failure("did not start");
  return {
    endpoint: `tcp:${FRONT}:${port}`,
    async [Symbol.asyncDispose]() {
      await program.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
