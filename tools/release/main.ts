/**
 * npm run release:dry [-- NODE…]: a release of HEAD up to the last step. In a clone, it writes the versions, runs the
 * checks, and publishes to a registry on this machine. Then it installs the packages from there with several versions
 * of Node and runs the programs of the READMEs: all new packages together, then after a patch of @pb/banana alone.
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

const allNodes = ["20", "22", "24", "26"];
const nodes = process.argv.length > 2 ? process.argv.slice(2) : allNodes;
const files = ["CHANGELOG.md", "README.md", "LICENSE", "dist/index.js", "dist/index.d.ts.map", "src/index.ts"];
const root = fileURLToPath(new URL("../../", import.meta.url));
const packages = publicPackages(root).map(({ manifest }) => manifest.name);

const folder = mkdtempSync(join(tmpdir(), "pb-release-"));
const clone = join(folder, "clone");
const port = await freePort();
const registry = `http://127.0.0.1:${port}/`;
process.env["npm_config_@pb:registry"] = registry; // for changesets, which does not read .npmrc
let npmrc = `@pb:registry=${registry}\n`;

try {
  run(folder, "git", "clone", "--quiet", root, clone);
  await using _server = await startRegistry();
  npmrc += `//127.0.0.1:${port}/:_authToken=${await createUser()}\n`;
  release();
  run(clone, "npm", "run", "checks");
  publish();
  const together = await Promise.all(nodes.map((node) => tryInstalled(node, "together")));

  writeFileSync(join(clone, ".changeset/patch.md"), `---\n"@pb/banana": patch\n---\n\nA patch of the codec alone.\n`);
  release();
  publish();
  const mixed = await Promise.all(nodes.map((node) => tryInstalled(node, "mixed")));
  const rows = nodes.map((_, index) => [together[index]!.node, together[index]!.versions, mixed[index]!.versions]);
  const table = markdownTable([["", "all together", "after a patch of @pb/banana"], ...rows]);
  console.log(table);
  const date = new Date().toISOString().slice(0, 10);
  const text = `# Dry run of a release

\`npm run release:dry\` publishes to a registry on the same machine, installs the packages from there with each Node, and
runs the programs of the READMEs. It writes this page when all of them print what they must. A cell has the versions that
npm chose.

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

/** Writes the versions and the changelogs, as the pull request of a release does. */
function release(): void {
  run(clone, "npm", "run", "changeset", "--", "version");
  run(clone, "git", "add", "--all");
  run(clone, "git", "-c", "user.name=dry run", "-c", "user.email=dry@run", "commit", "--quiet", "--message=Release");
}

function publish(): void {
  writeFileSync(join(clone, ".npmrc"), npmrc);
  run(clone, "npm", "run", "changeset", "--", "publish", "--no-git-tag");
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

  const programs = await writePrograms(project);
  await using server = start("server.ts");
  await server.waitForOutput("The kitchen is open.");
  for (const [file, expected] of Object.entries(programs)) {
    await using program = start(file);
    const status = await program.exit;
    if (status !== 0 || program.stdout !== expected)
      throw await program.failure(`with Node ${node}: expected ${expected}`);
  }
  const versions = folders.map((at) => {
    const { name, version } = JSON.parse(readFileSync(join(at, "package.json"), "utf8")) as Record<string, string>;
    return `${name!.slice("@pb/".length)} ${version!}`;
  });
  return { node: `Node ${run(project, path, "--version").trim().slice(1)}`, versions: versions.join(", ") };

  function start(file: string): Program {
    return new Program(file, [path, "--import", "tsx", file], { cwd: project });
  }
}

/** Writes the programs of the READMEs. Resolves with the files to run and what each prints. */
async function writePrograms(project: string): Promise<Record<string, string>> {
  const port = String(await freePort());
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const expected: Record<string, string> = {};
  for (const [, code = "", name = ""] of readme.matchAll(/```ts\n(\/\/ (\S+)\n[^]*?)```/g)) {
    writeFileSync(join(project, name), code.replaceAll("8787", port));
    const lines = [...code.matchAll(/; \/\/ (.+)$/gm)].map(([, line]) => `${line!}\n`);
    if (name === "client.ts") expected[name] = lines.join("");
  }
  for (const [name, output] of [
    ["broker", "Welcome, Ann!\n3\n"],
    ["banana", undefined],
  ] as const) {
    const text = readFileSync(join(root, "packages", name, "README.md"), "utf8");
    const blocks = [...text.matchAll(/```ts.*\n([^]*?)```/g)].map(([, code]) => code!);
    writeFileSync(join(project, `${name}.ts`), blocks.join("").replaceAll("8787", String(await freePort())));
    expected[`${name}.ts`] = output ?? /```\n( +0 [^]*?)```/.exec(text)![1]!;
  }
  return expected;
}

/** Runs a command and returns its output. Throws when it fails. */
function run(cwd: string, command: string, ...args: readonly string[]): string {
  console.error(`> ${command} ${args.join(" ")}`);
  return execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
