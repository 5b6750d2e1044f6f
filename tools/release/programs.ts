/** The programs of the READMEs, as a user saves and runs them. The READMEs of packages are those that npm installed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../process/ports.js";
import { Program } from "../process/program.js";

interface ReadmeProgram {
  readonly file: string;
  /** What it prints. */
  readonly expected: string | RegExp;
  /** The program that runs before and meanwhile, and what it prints when it is ready. */
  readonly server?: { readonly file: string; readonly ready: string };
}

/** Writes the programs into `project`, and runs each with the program `node`. Rejects if one prints something else. */
export async function runReadmePrograms(root: string, project: string, node: string): Promise<void> {
  const start = (file: string): Program => new Program(file, [node, "--import", "tsx", file], { cwd: project });
  for (const { file, expected, server } of await writePrograms(root, project)) {
    await using running = server && start(server.file);
    await running?.waitForOutput(server!.ready);
    await using program = start(file);
    const status = await program.exit;
    const { stdout } = program;
    const isExpected = typeof expected === "string" ? stdout === expected : expected.test(stdout);
    if (status !== 0 || !isExpected) throw await program.failure(`with ${node}: expected ${String(expected)}`);
  }
}

async function writePrograms(root: string, project: string): Promise<ReadmeProgram[]> {
  const installed = (name: string): string => join(project, "node_modules/@pb", name, "README.md");
  const readme = await readCode(join(root, "README.md"));
  const transport = await readCode(installed("node-transport"));
  for (const [name, code] of [...readme.named, ...transport.named]) writeFileSync(join(project, name), code);
  const clock = { file: "tcp-server.ts", ready: "Listening on port" };
  const programs: ReadmeProgram[] = [
    {
      file: "client.ts",
      expected: commented(readme.named.get("client.ts")!),
      server: { file: "server.ts", ready: "open." },
    },
    { file: "tcp-client.ts", expected: /^\d+:\d\d:\d\d [AP]M\n$/, server: clock },
    { file: "steady-client.ts", expected: /^ready\n\d+:\d\d:\d\d [AP]M\n$/, server: clock },
  ];

  // One program per package, whose output is a block of its own; in the README of jelly-types, one program per block.
  for (const name of ["broker", "cred", "banana"]) {
    const { blocks, output } = await readCode(installed(name));
    writeFileSync(join(project, `${name}.ts`), blocks.join(""));
    programs.push({ file: `${name}.ts`, expected: output });
  }
  const jelly = await readCode(installed("jelly-types"));
  for (const [index, code] of jelly.blocks.entries()) {
    writeFileSync(join(project, `jelly-types-${index}.ts`), code);
    programs.push({ file: `jelly-types-${index}.ts`, expected: commented(code) });
  }
  return programs;
}

interface Code {
  /** The blocks of code, all with the same free port in place of 8787. */
  readonly blocks: readonly string[];
  /** Those that begin with a comment that has a file name. */
  readonly named: ReadonlyMap<string, string>;
  /** The first block that has no code. */
  readonly output: string;
}

async function readCode(path: string): Promise<Code> {
  const text = readFileSync(path, "utf8");
  const port = String(await freePort());
  const blocks = [...text.matchAll(/```ts.*\n([^]*?)```/g)].map(([, code]) => code!.replaceAll("8787", port));
  const named = blocks.flatMap((code) =>
    [...code.matchAll(/^\/\/ (\S+\.ts)\n/g)].map(([, name]) => [name!, code] as const),
  );
  return {
    blocks,
    named: new Map(named),
    output: /```(?:text)?\n([^]*?)```/.exec(text.replace(/```(ts|sh)[^]*?```/g, ""))?.[1] ?? "",
  };
}

/** The lines that a program prints according to the comments behind its statements. */
function commented(code: string): string {
  return [...code.matchAll(/; \/\/ (.+)$/gm)].map(([, line]) => `${line!}\n`).join("");
}
