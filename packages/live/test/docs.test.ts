// Checks that README.md and GUIDE.md show the programs in test/guide with their real output.
// To update the documents after a change of a program: npx vitest run packages/live/test/docs.test.ts --update

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import type * as Transport from "@pb/node-transport";
import { freePort } from "../../../tools/process/ports.js";
import { until } from "../../../tools/process/program.js";

const packageRoot = new URL("../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, packageRoot), "utf8");
const documents = ["README.md", "GUIDE.md"].filter((name) => existsSync(new URL(name, packageRoot)));

/** A code block of a program. If it prints anything, a block with its output follows. */
const blocks = /^```\w+ file=(\S+)\n[^]*?^```\n(?:\n```text\n[^]*?^```\n)?/gm;

afterEach(() => {
  vi.restoreAllMocks();
  vi.doUnmock("@pb/node-transport");
  vi.resetModules();
});

/** What a program prints: `lines` of it, while it goes on. */
async function outputOf(file: string, wait: (lines: readonly string[]) => boolean): Promise<string[]> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((...args) => void lines.push(format(...args)));
  await import(fileURLToPath(new URL(file, packageRoot)));
  await until(() => wait(lines), `${file} has printed everything`);
  return lines;
}

async function runs(file: string): Promise<string[]> {
  if (!file.includes("readme/")) return outputOf(file, () => true);
  return file.endsWith("server.ts") ? [] : runReadme();
}

/** The two programs of the README, over a socket of another port. */
async function runReadme(): Promise<string[]> {
  const port = String(await freePort());
  const opened: { close(): Promise<void> }[] = [];
  const here = (endpoint: string): string => endpoint.replace("8787", port);
  vi.doMock("@pb/node-transport", async (original) => {
    const transport = await original<typeof Transport>();
    return {
      ...transport,
      listen: async (endpoint: string, ...rest: [never]) => {
        const server = await transport.listen(here(endpoint), ...rest);
        opened.push({ close: () => server.destroy() });
        return server;
      },
      reconnecting: (endpoint: string, ...rest: [never]) => {
        const client = transport.reconnecting(here(endpoint), ...rest);
        opened.unshift(client);
        return client;
      },
    };
  });
  await import(fileURLToPath(new URL("test/guide/readme/server.ts", packageRoot)));
  const output = await outputOf("test/guide/readme/client.ts", (lines) => lines.at(-1) === "live 0");
  expect(output, "what the comments of client.ts say").toEqual(["live 1", "live 0"]);
  for (const end of opened) await end.close();
  return [];
}

test.each(documents)("%s shows each program unchanged, with its output", async (document) => {
  const shown = read(document);
  let expected = "";
  let end = 0;
  for (const { 0: block, 1: file = "", index } of shown.matchAll(blocks)) {
    const lines = file.endsWith(".ts") ? await runs(file) : [];
    const output = lines.length === 0 ? "" : `\n\`\`\`text\n${lines.join("\n")}\n\`\`\`\n`;
    const language = file.endsWith(".ts") ? "ts" : "python";
    expected += `${shown.slice(end, index)}\`\`\`${language} file=${file}\n${read(file)}\`\`\`\n${output}`;
    end = index + block.length;
  }
  await expect(expected + shown.slice(end)).toMatchFileSnapshot(fileURLToPath(new URL(document, packageRoot)));
});

test("every program is shown", () => {
  const files = readdirSync(new URL("test/guide/", packageRoot), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|py)$/.test(file))
    .map((file) => `test/guide/${file.replaceAll("\\", "/")}`);
  const shown = documents.map(read).join("");
  expect(files.filter((file) => !shown.includes(` file=${file}\n`))).toEqual([]);
});
