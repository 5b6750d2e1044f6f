// Checks that README.md and GUIDE.md show the programs in test/guide with their real output.
// To update the documents after a change of a program: npm test -- packages/broker/test/docs.test.ts --update

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import type * as Transport from "../../node-transport/src/index.js";
import { defaultBrokerLimits } from "../src/limits.js";
import { freePort, isListening } from "../../../tools/process/ports.js";
import { Program, until } from "../../../tools/process/program.js";
import { pythonEnvironment } from "../../../tools/twisted/twisted.js";

const packageRoot = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, packageRoot), "utf8");

const documents = ["README.md", "GUIDE.md"];
const programs = readdirSync(new URL("test/guide/", packageRoot), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map(({ parentPath, name }) => relative(fileURLToPath(packageRoot), join(parentPath, name)).replaceAll(sep, "/"));
/** Programs that call a Python server, which is the file of the same name that ends in `.py`. */
const withTwisted = programs.filter((file) => file.endsWith(".py")).map((file) => file.replace(".py", ".ts"));

/** A code block. If the code prints anything, a block with its output follows. */
const blocks = /^```(\w*)(?: file=(\S+))?\n[^]*?^```\n(?:\n```text\n[^]*?^```\n)?/gm;

/**
 * The package that the programs of a reader import. This package does not depend on it, so the programs here import its
 * source file.
 */
const TRANSPORT = "@pb/node-transport";
const TRANSPORT_SOURCE = /(?:\.\.\/)+node-transport\/src\/index\.js/g;

/** The port in the documents. The tests use a free port instead. */
const PORT = "8787";

afterEach(() => {
  vi.restoreAllMocks();
  vi.doUnmock("../../node-transport/src/index.js");
  vi.resetModules();
});

describe.each(documents)("%s", (document) => {
  test("shows each program unchanged, with its output", async () => {
    const shown = read(document);
    let expected = "";
    let end = 0;
    for (const { 0: block, 1: language, 2: file, index } of shown.matchAll(blocks)) {
      expected += shown.slice(end, index);
      expected += file === undefined ? block : await render(block, language!, file);
      end = index + block.length;
    }
    await expect(expected + shown.slice(end)).toMatchFileSnapshot(fileURLToPath(new URL(document, packageRoot)));
  });

  test("shows no code that is not a program of test/guide", () => {
    const untested = [...read(document).matchAll(blocks)].filter(
      ([, language, file]) => language !== "" && language !== "text" && file === undefined,
    );
    expect(untested.map(([block]) => block)).toEqual([]);
  });

  test("has no broken links within the package", () => {
    const text = read(document);
    for (const [, path = "", anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      if (path !== "") expect(existsSync(new URL(path, packageRoot)), path).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(path === "" ? text : read(path))).toContain(anchor);
    }
  });
});

test("every program of test/guide is shown in a document", () => {
  const shown = documents.map(read).join("");
  expect(programs.filter((file) => !shown.includes(` file=${file}\n`))).toEqual([]);
});

test.each([
  ["every export of @pb/broker/extension", "The extension entry point", exportedNames("src/extension.ts")],
  ["every limit", "Limits and backpressure", Object.keys(defaultBrokerLimits)],
])("the guide lists %s", (_, heading, names) => {
  const [, section = ""] = read("GUIDE.md").split(`\n## ${heading}\n`);
  const [text = ""] = section.split("\n## ");
  expect(names).not.toEqual([]);
  expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});

/**
 * Returns the block of a program with its current output. A program that needs Twisted keeps the block `shown`, which
 * the document has, if there is no Twisted on this machine.
 */
async function render(shown: string, language: string, file: string): Promise<string> {
  const code = read(file).replace(TRANSPORT_SOURCE, TRANSPORT);
  const block = `\`\`\`${language} file=${file}\n${code}\`\`\`\n`;
  if (!file.endsWith(".ts")) return block;
  if (!withTwisted.includes(file)) return block + output(await run(file));
  const outputs: string[][] = [];
  for (const { python } of inject("twisteds")) outputs.push(await run(file, python));
  for (const lines of outputs) expect(lines).toEqual(outputs[0]);
  return outputs[0] === undefined ? shown : block + output(outputs[0]);
}

/** The names that a file of export lists exports. */
function exportedNames(path: string): string[] {
  return [...read(path).matchAll(/^export (?:type )?\{([^}]*)\}/gm)].flatMap(([, list = ""]) =>
    list
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  );
}

function output(lines: string[]): string {
  return lines.length === 0 ? "" : `\n\`\`\`text\n${lines.join("\n")}\n\`\`\`\n`;
}

/** Runs a program and returns the lines that it prints. With `python`, its Python server runs at the same time. */
async function run(file: string, python?: string): Promise<string[]> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)));
  const port = await freePort();
  const replacePort = (endpoint: string): string => endpoint.replace(PORT, String(port));
  vi.doMock("../../node-transport/src/index.js", async (original) => {
    const transport = await original<typeof Transport>();
    return {
      ...transport,
      listen: (endpoint: string, ...rest: [never, never]) => transport.listen(replacePort(endpoint), ...rest),
      connect: (endpoint: string, ...rest: [never]) => transport.connect(replacePort(endpoint), ...rest),
    };
  });
  const server = python === undefined ? undefined : await startPython(python, file.replace(".ts", ".py"), port);
  try {
    await import(fileURLToPath(new URL(file, packageRoot)));
  } finally {
    await server?.stop();
    vi.restoreAllMocks();
    vi.resetModules();
  }
  return lines;
}

/** Starts a server program of a document. Resolves when it listens. */
async function startPython(python: string, file: string, port: number): Promise<Program> {
  const code = read(file).replaceAll(PORT, String(port));
  const program = new Program(file, [python, "-c", code], { env: pythonEnvironment() });
  await until(async () => program.hasExited || isListening(port), "the server to listen");
  return program;
}

/** The anchors that GitHub creates for the headings of a document. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
}
