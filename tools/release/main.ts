/**
 * npm run release:dry [-- NODE…]: releases of HEAD up to the last step. In a clone, it writes the versions, runs the
 * checks, publishes to a registry on this machine, and pushes the tags to another clone. Then it installs the packages
 * from the registry with several versions of Node and runs the programs of the READMEs. It does so for a release of all
 * packages, and for two later ones of a single package, in which old and new versions meet.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { markdownTable } from "markdown-table";
import { publicPackages } from "../checks/workspace.js";
import { freePort, isListening } from "../process/ports.js";
import { Program, until } from "../process/program.js";
import { runReadmePrograms } from "./programs.js";

const allNodes = ["20", "22", "24", "26"];
const nodes = process.argv.length > 2 ? process.argv.slice(2) : allNodes;
const files = ["CHANGELOG.md", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts.map", "src/index.ts"];
const root = fileURLToPath(new URL("../../", import.meta.url));
const packages = publicPackages(root).map(({ manifest }) => manifest.name);

const folder = mkdtempSync(join(tmpdir(), "pb-release-"));
const origin = join(folder, "origin.git");
const clone = join(folder, "clone");
const port = await freePort();
const registry = `http://127.0.0.1:${port}/`;
process.env["npm_config_@pb:registry"] = registry; // for changesets, which does not read .npmrc
let npmrc = `@pb:registry=${registry}\n`;

/** Each is released after those before it, with a changeset unless it has those of HEAD. */
const releases = [
  { title: "all packages" },
  { title: "then a patch of banana", changeset: `"@pb/banana": patch`, changes: ["@pb/banana"] },
  { title: "then a minor version of cred", changeset: `"@pb/cred": minor`, changes: ["@pb/cred"] },
];

try {
  run(folder, "git", "clone", "--quiet", "--bare", root, origin);
  run(folder, "git", "clone", "--quiet", "--config=user.name=dry run", "--config=user.email=dry@run", origin, clone);
  await using _server = await startRegistry();
  npmrc += `//127.0.0.1:${port}/:_authToken=${await createUser()}\n`;
  const rows: string[][] = nodes.map(() => []);
  for (const [index, { title, changeset, changes = packages }] of releases.entries()) {
    if (changeset !== undefined)
      writeFileSync(join(clone, ".changeset/dry-run.md"), `---\n${changeset}\n---\n\n${title}\n`);
    release(changes);
    if (index === 0) run(clone, "npm", "run", "checks");
    publish(changes);
    const tried = await Promise.all(nodes.map((node) => tryInstalled(node, String(index))));
    for (const [row, { node, versions }] of tried.entries()) rows[row]!.push(...(index === 0 ? [node] : []), versions);
  }
  const table = markdownTable([["", ...releases.map(({ title }) => title)], ...rows]);
  console.log(table);
  const date = new Date().toISOString().slice(0, 10);
  const text = `# Dry run of a release

\`npm run release:dry\` publishes to a registry on the same machine, installs the packages from there with each Node, and
runs the programs of the READMEs. It writes this page when all of them print what they must. The columns are releases, one
after the other. A cell has the versions that npm installed.

Last run: ${date}

${table}
`;
  if (nodes.length === allNodes.length) writeFileSync(new URL("RESULTS.md", import.meta.url), text);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Starts verdaccio, which takes packages from everyone. It has the packages of the scope @pb only. */
async function startRegistry(): Promise<Program> {
  const home = join(folder, "registry");
  mkdirSync(home);
  // The tag of node-fetch that verdaccio asks for does not exist in every registry.
  writeFileSync(join(home, "package.json"), JSON.stringify({ private: true, overrides: { "node-fetch": "2.7.0" } }));
  run(home, "npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "verdaccio@6.8.0");
  const rights = { access: "$all", publish: "$all", unpublish: "$all" };
  const config = { storage: "./storage", packages: { "@pb/*": rights }, log: { type: "stdout", level: "warn" } };
  writeFileSync(join(home, "config.yaml"), JSON.stringify({ ...config, auth: { htpasswd: { file: "./htpasswd" } } }));
  const verdaccio = join(home, "node_modules/verdaccio/bin/verdaccio");
  const args = [verdaccio, "--config", "config.yaml", "--listen", `127.0.0.1:${port}`];
  const server = new Program("the registry", [process.execPath, ...args], { cwd: home });
  await until(async () => server.hasExited || isListening(port), "the registry");
  if (server.hasExited) throw await server.failure("did not start");
  return server;
}

/** Creates a user of the registry. Resolves with its token. */
async function createUser(): Promise<string> {
  const body = JSON.stringify({ name: "dry", password: "run of a release" });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${registry}-/user/org.couchdb.user:dry`, { method: "PUT", body, headers });
  return ((await answer.json()) as { token: string }).token;
}

/** Writes versions and changelogs, as the pull request of a release does. Only those in `changes` may be new. */
function release(changes: readonly string[]): void {
  const before = versionsIn(clone);
  run(clone, "npm", "run", "changeset", "--", "version");
  const changed = packages.filter((name) => versionsIn(clone).get(name) !== before.get(name));
  if (!changed.every((name) => changes.includes(name))) throw new Error(`New versions: ${changed.join(", ")}`);
  run(clone, "git", "add", "--all");
  run(clone, "git", "commit", "--quiet", "--allow-empty", "--message=Release"); // empty after a release
}

/** Publishes, tags the versions of \`changes\`, and pushes the tags, as the workflow "Release" does. */
function publish(changes: readonly string[]): void {
  writeFileSync(join(clone, ".npmrc"), npmrc);
  run(clone, "npm", "run", "changeset", "--", "publish");
  run(clone, "git", "push", "--quiet", "--follow-tags", "origin", "HEAD:refs/heads/main");
  const tags = run(origin, "git", "tag").split("\n");
  const missing = changes.map((name) => `${name}@${versionsIn(clone).get(name)!}`).filter((tag) => !tags.includes(tag));
  if (missing.length > 0) throw new Error(`The tags ${missing.join(", ")} were not pushed.`);
}

/** The versions of the packages in a clone. */
function versionsIn(repository: string): ReadonlyMap<string, string> {
  return new Map(publicPackages(repository).map(({ manifest }) => [manifest.name, manifest.version]));
}

/** Installs the packages with npm and this Node, and runs the programs. Resolves with the installed versions. */
async function tryInstalled(node: string, name: string): Promise<{ node: string; versions: string }> {
  const project = join(folder, `${name}-${node}`);
  mkdirSync(project);
  writeFileSync(join(project, ".npmrc"), npmrc);
  writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
  const install = `npm install --no-audit --no-fund --prefer-online ${packages.join(" ")} tsx`;
  const npx = ["--yes", "-p", `node@${node}`, "-c"];
  const path = run(project, "npx", ...npx, `${install} >&2 && node -p process.execPath`).trim();
  const folders = packages.map((pkg) => join(project, "node_modules", pkg));
  const missing = folders.flatMap((at) => files.map((file) => join(at, file))).filter((file) => !existsSync(file));
  if (missing.length > 0) throw new Error(`The packages lack ${missing.join(", ")}`);

  await runReadmePrograms(root, project, path);
  const versions = folders.map((at) => {
    const { name, version } = JSON.parse(readFileSync(join(at, "package.json"), "utf8")) as Record<string, string>;
    return `${name!.slice("@pb/".length)} ${version!}`;
  });
  return { node: `Node ${run(project, path, "--version").trim().slice(1)}`, versions: versions.join(", ") };
}

/** Runs a command and returns its output. Throws when it fails. */
function run(cwd: string, command: string, ...args: readonly string[]): string {
  console.error(`> ${command} ${args.join(" ")}`);
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
