/**
 * Runs the examples of packages/examples/src/apps as their readers do: from copies of their folders, with the packed
 * packages. A server prints that it listens, and the client must print what `expected.txt` contains.
 */
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { freePort } from "../process/ports.js";
import { Program } from "../process/program.js";
import type { Command } from "../process/program.js";
import { findTwisted } from "../twisted/twisted.js";

const apps = "packages/examples/src/apps";
/** Imports with a loader of this repository what the reader gets with `npx tsx`. */
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

/** Returns the problems of all examples. `project` is a folder with the packages, and with `tsx`. */
export async function exampleProblems(root: string, project: string): Promise<string[]> {
  const problems: string[] = [];
  for (const name of readdirSync(join(root, apps))) problems.push(...(await problemsOf(root, project, name)));
  return problems;
}

async function problemsOf(root: string, project: string, name: string): Promise<string[]> {
  const folder = join(project, name);
  cpSync(join(root, apps, name), folder, { recursive: true });
  const files = readdirSync(folder);
  if (!files.includes("expected.txt")) return []; // a page: `npm run types` compiles it
  const port = String(await freePort());
  for (const file of files.filter((file) => /\.(ts|py)$/.test(file)))
    writeFileSync(join(folder, file), readFileSync(join(folder, file), "utf8").replaceAll("8787", port));

  const start = (role: string): Program | undefined => {
    const command = commandOf(files, role);
    return command && new Program(`${name}: ${role}`, command, { cwd: folder, timeoutMs: 300_000 });
  };
  if (files.some((file) => file.endsWith(".py")) && findTwisted() === undefined) return [];
  await using server = start("server");
  await server?.waitForOutput("Listening");
  await using client = start("client")!;
  const input = join(folder, "input.txt");
  for (const line of existsSync(input) ? readFileSync(input, "utf8").trimEnd().split("\n") : []) client.writeLine(line);
  await client.endInput();
  const expected = readFileSync(join(folder, "expected.txt"), "utf8");
  if (client.stdout === expected && client.stderr === "") return [];
  return [`The example ${name} prints this instead of expected.txt:\n${client.stdout}${client.stderr}`];
}

/** The command of the server or the client of an example, if it has such a file. */
function commandOf(files: readonly string[], role: string): Command | undefined {
  if (files.includes(`${role}.py`)) return [findTwisted()!.python, `${role}.py`];
  if (files.includes(`${role}.ts`)) return [process.execPath, "--import", tsx, `${role}.ts`];
  return undefined;
}
