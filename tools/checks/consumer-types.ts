/**
 * Compiles programs that import the packed packages, as their users do: without `skipLibCheck`, with several kinds of
 * module resolution and targets, and with or without the types of the DOM and of Node.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { entryPoints } from "./workspace.js";
import type { Package } from "./workspace.js";

export interface Consumer {
  readonly resolution: "nodenext" | "bundler";
  readonly target: "es2022" | "esnext";
  readonly dom: boolean;
  /** With the types of Node, and all packages. Otherwise without, and what runs everywhere only. */
  readonly node: boolean;
}

const kinds = [false, true];

/** All combinations. */
export const allConsumers: readonly Consumer[] = (["nodenext", "bundler"] as const).flatMap((resolution) =>
  (["es2022", "esnext"] as const).flatMap((target) =>
    kinds.flatMap((dom) => kinds.map((node) => ({ resolution, target, dom, node }))),
  ),
);

/** Four combinations with each value of each option twice: CI has no time for all. */
export const someConsumers = allConsumers.filter(
  ({ resolution, target, dom, node }) => ((resolution === "bundler") === (target === "esnext")) !== (dom === node),
);

/** Compiles in `project`, which has the packages and @types/node. Returns the errors. */
export function typeProblems(project: string, packages: Package[], tsc: string, consumer: Consumer): string[] {
  const { resolution, target, dom, node } = consumer;
  const forNode = /^@pb\/(cli|node-transport|.*\/(node|admin|nats))$/;
  const forPages = /\/(react|vue)$/;
  const used = packages
    .flatMap(entryPoints)
    .filter((entry) => (node || !forNode.test(entry)) && (dom || !forPages.test(entry)));
  const imports = used.map((entry, index) => `import * as e${index} from "${entry}";`);
  const names = imports.map((_, index) => `e${index}`).join(", ");
  writeFileSync(join(project, "program.ts"), `${imports.join("\n")}\nexport const entries: object[] = [${names}];\n`);
  const compilerOptions = {
    noEmit: true,
    strict: true,
    skipLibCheck: false,
    target,
    module: resolution === "bundler" ? "esnext" : resolution,
    moduleResolution: resolution,
    lib: dom ? [target, "dom"] : [target],
    types: node ? ["node"] : [],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["program.ts"] }));
  const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", project], { encoding: "utf8", timeout: 300_000 });
  // Frameworks have declarations that some versions of TypeScript refuse. Those of ours must be right.
  const errors = stdout.split("\n").filter((line) => /^\S/.test(line) && !/node_modules\/(?!@pb\/)/.test(line));
  if (status === 0 || (status !== null && errors.length === 0)) return [];
  return [`${tsc} fails with ${JSON.stringify(compilerOptions)}:\n${stdout}`];
}
