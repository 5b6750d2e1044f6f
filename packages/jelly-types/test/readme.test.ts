// Runs the examples of the README, and compares their output.

import { readFileSync } from "node:fs";
import { format } from "node:util";
import * as banana from "@pb/banana";
import * as jellyTypes from "@pb/jelly-types";
import ts from "typescript";
import { expect, test } from "vitest";

const modules: Record<string, unknown> = { "@pb/banana": banana, "@pb/jelly-types": jellyTypes };
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const examples = Array.from(readme.matchAll(/```ts\n(.*?)```/gs), ([, code]) => code!);

test.each(examples)("example %# of the README runs and prints its comments", (code) => {
  const printed: string[] = [];
  const console = { log: (...values: unknown[]) => printed.push(format(...values)) };
  run(code, console);
  const promised = Array.from(code.matchAll(/console\.log\(.*\); \/\/ (.*)/g), ([, text]) => text);
  expect(promised.length).toBeGreaterThan(0);
  expect(printed).toEqual(promised);
});

function run(code: string, console: object): void {
  const withoutImports = code.replace(/^import (.*) from (".*");$/gm, "const $1 = modules[$2];");
  const { outputText } = ts.transpileModule(withoutImports, { compilerOptions: { target: ts.ScriptTarget.ES2022 } });
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  (new Function("modules", "console", outputText) as (...given: object[]) => void)(modules, console);
}
