// Runs Debian's nginx with the configuration of the guide.

import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Program, until } from "../../process/program.js";
import { freePort, isListening } from "../../process/ports.js";
import { aptInstall } from "../../twisted/install.js";
import type { Certificate } from "../../../packages/node-transport/test/support/certificates.js";

/** Addresses of loopback that no other test uses, so that no other test takes a port of them. */
export const NGINX = "127.0.0.77";
export const BEHIND = "127.0.0.78";

const PATH = `${process.env.PATH ?? ""}:/usr/sbin`;
const guide = readFileSync(new URL("../../../packages/web-transport/GUIDE.md", import.meta.url), "utf8");
const [, shown = ""] = /```nginx\n([^]*?)```/.exec(guide) ?? [];

/** Whether there is an nginx. In CI, it is installed from Debian's packages. */
export function hasNginx(): boolean {
  const isThere = (): boolean => spawnSync("nginx", ["-v"], { env: { PATH } }).status === 0;
  return isThere() || (process.env.CI === "true" && aptInstall(["nginx"]) && isThere());
}

/** What a program outside of Debian's folders needs around the configuration of the guide. */
const around = (folder: string): string => `
  daemon off;
  pid ${folder}/pid;
  error_log stderr notice;
  worker_processes 1;
  events {}
  http {
    access_log off;
    ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((of) => `${of}_temp_path ${folder}/tmp;`).join(" ")}
    include ${folder}/pb.conf;
  }`;

export interface Nginx extends AsyncDisposable {
  /** `127.0.0.77` and a free port. */
  readonly host: string;
  /** Reads the configuration again, as `nginx -s reload` does. Resolves when the old worker process only finishes. */
  reload(): Promise<void>;
}

/** Starts nginx before the server at a port of {@link BEHIND}. It cuts a connection that is silent for 5 seconds. */
export async function startNginx(portBehind: number, { cert, key }: Certificate): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), "pb-nginx-"));
  chmodSync(folder, 0o755); // The worker process of nginx has another user.
  const port = await freePort();
  const replaced = [
    ["listen 443", `listen ${NGINX}:${port}`],
    ["127.0.0.1:8787", `${BEHIND}:${portBehind}`],
    ["/etc/nginx/", `${folder}/`],
    ["/srv/app", `${folder}/app`],
    ["proxy_read_timeout 60s", "proxy_read_timeout 5s"],
  ] as const;
  let config = shown;
  for (const [text, other] of replaced) {
    if (!config.includes(text)) throw new Error(`The guide's configuration of nginx does not contain "${text}"`);
    config = config.replaceAll(text, other);
  }
  const files = { "pb.conf": config, "nginx.conf": around(folder), "cert.pem": cert, "key.pem": key };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const command = ["nginx", "-p", folder, "-c", join(folder, "nginx.conf"), "-e", "stderr"] as const;
  const program = new Program("nginx", command, { env: { PATH } });
  await until(async () => program.hasExited || isListening(port, NGINX), "nginx to listen");
  if (program.hasExited) throw await program.failure("did not start");
  return {
    host: `${NGINX}:${port}`,
    async reload() {
      program.kill("SIGHUP");
      await until(() => program.stderr.includes("gracefully shutting down"), "nginx to start another worker process");
    },
    async [Symbol.asyncDispose]() {
      await program.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
