/**
 * npm run consumers [-- NAME…]: uses the packed packages with the loaders, test runners and bundlers that programs use,
 * and compiles programs with each supported TypeScript.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { markdownTable } from "markdown-table";
import { allConsumers, typeProblems } from "../checks/consumer-types.js";
import { pack } from "../checks/packed.js";
import { publicPackages } from "../checks/workspace.js";

const body = `
class Adder extends Root {
  remote_add = (a, b) => [a + b, new FrozenSet([a])];
}
export async function main() {
  const pair = await connectedPair({ root: new Adder() });
  const root = await pair.client.getRootObject();
  const [sum, set] = await root.callRemote("add", 1, 2);
  console.log("sum", sum, set.isSubsetOf(new Set([1])), typeof login);
  await pair[Symbol.asyncDispose]();
  const { port1, port2 } = new MessageChannel();
  listen(port1, new Adder());
  const connection = await connect(port2);
  const served = await connection.getRootObject();
  console.log("over a port", (await served.callRemote("add", 1, 2))[0]);
  await connection.close();
  return sum;
}
`;
const modules = {
  Root: "@pb/broker",
  connectedPair: "@pb/broker/testing",
  FrozenSet: "@pb/jelly-types",
  login: "@pb/cred",
  connect: "@pb/web-transport",
  listen: "@pb/web-transport",
};
const names = Object.entries(modules);
const program = names.map(([name, from]) => `import { ${name} } from "${from}";`).join("\n") + body + "await main();\n";
const untyped = program
  .replace("(a, b)", "(a: number, b: number)")
  .replace(/await (root|served)/g, "await ($1 as any)");
const common = names.map(([name, from]) => `const { ${name} } = require("${from}");`).join("\n");
const files: Record<string, string> = {
  "program.mjs": program,
  "typed.ts": untyped,
  "typed.cts": untyped.replace("\nawait main", "\nvoid main"),
  "program.cjs": `${common}${body.replace("export ", "")}main();\n`,
  "jest.test.mjs": `${program.replace("await main();", "")}test("adds", async () => expect(await main()).toBe(3));\n`,
  "vite.test.mjs": `import { expect, test } from "vitest";\nimport { main } from "./program.mjs";\n
    test("adds", async () => expect(await main()).toBe(3));\n`,
  "vite.config.mjs": `export default { ssr: { noExternal: true }, test: { include: ["vite.test.mjs"] } };\n`,
  "jest.config.mjs": `export default { testMatch: ["**/jest.test.mjs"], transform: {} };\n`,
};
const tools = [
  "jest",
  "vitest",
  "vite",
  "tsx",
  "esbuild",
  "webpack",
  "webpack-cli",
  "rollup",
  "@rollup/plugin-node-resolve",
];
const versions = ["5.4", "5.5", "5.6", "5.7", "5.8", "5.9", "6.0", "7.0"];

/** The command of each row. It prints the lines of the program. */
const loaders: Record<string, string> = {
  "CommonJS, `require`": "node program.cjs",
  "CommonJS, TypeScript 5.8":
    "node node_modules/typescript-5.8/bin/tsc --module nodenext --target es2022 --outDir out typed.cts && node out/typed.cjs",
  tsx: "npx tsx typed.ts",
  "type stripping of Node 24": "npx --yes -p node@24 -c 'node typed.ts'",
  Jest: "NODE_OPTIONS=--experimental-vm-modules npx jest",
  vitest: "npx vitest run",
  esbuild: "npx esbuild program.mjs --bundle --format=esm --outfile=out/esbuild.mjs && node out/esbuild.mjs",
  "esbuild, for browsers":
    "npx esbuild program.mjs --bundle --platform=browser --format=esm --outfile=out/browser.mjs && node out/browser.mjs",
  Vite: "npx vite build --ssr program.mjs --outDir out/vite && node out/vite/program.js",
  webpack:
    "npx webpack --mode production --target node --entry ./program.mjs -o out/webpack --output-filename main.cjs && node out/webpack/main.cjs",
  Rollup: "npx rollup program.mjs --format es --plugin node-resolve --file out/rollup.mjs && node out/rollup.mjs",
  Bun: "npx --yes bun typed.ts",
  Deno: "npx --yes deno run --allow-all typed.ts",
};

const root = fileURLToPath(new URL("../../", import.meta.url));
const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((word) => name.includes(word));
const project = mkdtempSync(join(tmpdir(), "pb-consumers-"));
const rows: string[][] = [];
const env = { ...process.env, NO_COLOR: "1" }; // vitest colors numbers otherwise
try {
  const compilers = versions.map((version) => `typescript-${version}@npm:typescript@${version}`);
  pack(root, project, [...tools, ...compilers]);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  for (const [name, command] of Object.entries(loaders).filter(([name]) => isWanted(name))) {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { cwd: project, encoding: "utf8", env });
    const works =
      status === 0 && ["sum 3 true function", "over a port 3"].every((line) => (stdout + stderr).includes(line));
    report(name, works ? [] : [stdout + stderr], "works", command);
  }
  for (const version of versions.filter((name) => isWanted(`TypeScript ${name}`))) {
    const tsc = join(project, `node_modules/typescript-${version}/bin/tsc`);
    const problems = allConsumers.flatMap((consumer) => typeProblems(project, publicPackages(root), tsc, consumer));
    report(
      `TypeScript ${version}`,
      problems,
      `${allConsumers.length} of ${allConsumers.length} combinations`,
      "tsc -p .",
    );
  }
} finally {
  rmSync(project, { recursive: true });
}

const table = markdownTable([["", "result", "command"], ...rows]);
console.log(table);
const date = new Date().toISOString().slice(0, 10);
const text = `# Consumers

The packed packages in a program of a user, with each loader, test runner and bundler, and compiled without \`skipLibCheck\`
by each TypeScript: with \`nodenext\` and \`bundler\`, for ES2022 and ESNext, with and without the types of the DOM, and with
and without those of Node. \`npm run consumers\` writes this page. Only Jest needs a flag, because it loads modules in
its own way. A CommonJS program needs Node 20.19, and TypeScript 5.8.

Last run: ${date}, with Node ${process.versions.node}

${table}
`;
if (wanted.length === 0) writeFileSync(new URL("TABLE.md", import.meta.url), text);

function report(name: string, problems: readonly string[], result: string, command: string): void {
  for (const problem of problems) console.error(`${name}: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  rows.push([name, problems.length === 0 ? result : "**fails**", `\`${command}\``]);
}
