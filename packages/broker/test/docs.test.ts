// README.md and GUIDE.md show programs that run. Each is a file of test/guide; the documents hold its text and, below it, what it prints.
// After a change to one of them: npm test -- packages/broker/test/docs.test.ts --update

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { afterEach, describe, expect, inject, test, vi } from "vitest";
import type * as Transport from "../../node-transport/src/index.js";
import { pythonEnvironment } from "../../../tools/twisted/twisted.js";

const home = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, home), "utf8");

const documents = ["README.md", "GUIDE.md"];
const programs = readdirSync(new URL("test/guide/", home)).map((name) => `test/guide/${name}`);
const withTwisted = programs.filter((file) => file.endsWith(".py")).map((file) => file.replace(".py", ".ts"));

/** A block of code. What it prints, if anything, follows in a block of its own. */
const blocks = /^```(\w*)(?: file=(\S+))?\n[^]*?^```\n(?:\n```text\n[^]*?^```\n)?/gm;

/** The packages above this one have no door here; programs have. */
const [TRANSPORT, TRANSPORT_SOURCE] = ["@pb/node-transport", "../../../node-transport/src/index.js"];

/** Where programs listen, in the documents. In the tests: at any free port. */
const PORT = "8787";

afterEach(() => {
  vi.restoreAllMocks();
  vi.doUnmock("../../node-transport/src/index.js");
  vi.resetModules();
});

describe.each(documents)("%s", (document) => {
  test("shows its programs as they are, and what they print", { timeout: 60_000 }, async () => {
    const shown = read(document);
    let fresh = "";
    let end = 0;
    for (const { 0: block, 1: language, 2: file, index } of shown.matchAll(blocks)) {
      fresh += shown.slice(end, index);
      fresh += file === undefined ? block : await show(block, language!, file);
      end = index + block.length;
    }
    await expect(fresh + shown.slice(end)).toMatchFileSnapshot(fileURLToPath(new URL(document, home)));
  });

  test("shows no code that does not run", () => {
    const loose = [...read(document).matchAll(blocks)].filter(
      ([, language, file]) => language !== "" && language !== "text" && file === undefined,
    );
    expect(loose.map(([block]) => block)).toEqual([]);
  });

  test("links to what is there", () => {
    const text = read(document);
    for (const [, path = "", anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      if (path !== "") expect(existsSync(new URL(path, home)), path).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(path === "" ? text : read(path))).toContain(anchor);
    }
  });
});

test("every program is shown", () => {
  const shown = documents.map(read).join("");
  expect(programs.filter((file) => !shown.includes(` file=${file}\n`))).toEqual([]);
});

/** The block of a program, fresh. `shown` is what the document has: all there is to say where a program needs a Twisted and there is none. */
async function show(shown: string, language: string, file: string): Promise<string> {
  const code = read(file).replaceAll(TRANSPORT_SOURCE, TRANSPORT);
  const block = `\`\`\`${language} file=${file}\n${code}\`\`\`\n`;
  if (!file.endsWith(".ts")) return block;
  if (!withTwisted.includes(file)) return block + output(await run(file));
  const printed: string[][] = [];
  for (const { python } of inject("twisteds")) printed.push(await run(file, python));
  for (const lines of printed) expect(lines).toEqual(printed[0]);
  return printed[0] === undefined ? shown : block + output(printed[0]);
}

function output(lines: string[]): string {
  return lines.length === 0 ? "" : `\n\`\`\`text\n${lines.join("\n")}\n\`\`\`\n`;
}

/** Runs a program and returns the lines it prints. A Python program of the same name runs beside it, in `python`. */
async function run(file: string, python?: string): Promise<string[]> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)));
  const port = await freePort();
  vi.doMock("../../node-transport/src/index.js", async (original) => {
    const transport = await original<typeof Transport>();
    return {
      ...transport,
      listen: (endpoint: string, ...rest: [never, never]) => transport.listen(endpoint.replace(PORT, port), ...rest),
      connect: (endpoint: string, ...rest: [never]) => transport.connect(endpoint.replace(PORT, port), ...rest),
    };
  });
  const stop = python === undefined ? undefined : await runPython(python, file.replace(".ts", ".py"), port);
  try {
    await import(fileURLToPath(new URL(file, home)));
  } finally {
    await stop?.();
    vi.restoreAllMocks();
    vi.resetModules();
  }
  return lines;
}

async function runPython(python: string, file: string, port: string): Promise<() => Promise<void>> {
  const child = spawn(python, ["-c", read(file).replaceAll(PORT, port)], {
    env: pythonEnvironment(),
    stdio: ["ignore", "ignore", "inherit"],
  });
  const exited = once(child, "exit");
  while (child.exitCode === null && !(await isListening(port))) await sleep(50);
  return async () => {
    child.kill();
    await exited;
  };
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return String(port);
}

function isListening(port: string): Promise<boolean> {
  const socket = connect(Number(port), "127.0.0.1");
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w\s-]/g, "")
      .replaceAll(" ", "-"),
  );
}
