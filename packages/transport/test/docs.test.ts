// README.md: its programs are those in the folder `readme`, and they run.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Echo } from "./support/echo.js";
import { reconnecting } from "./readme/client.js";
import { listenOn } from "./readme/link.js";
import { serve } from "./readme/server.js";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const programs = [...read("../README.md").matchAll(/```ts\n(\/\/ (\S+)\n[^]*?)```/g)];

test("README.md has two programs", () => {
  expect(programs.map(([, , name]) => name)).toEqual(["client.ts", "server.ts"]);
});

test.for(programs.map(([, code = "", name = ""]) => [name, code] as const))("%s is up to date", ([name, code]) => {
  expect(read(`readme/${name}`)).toBe(code);
});

test("the client and the server run", async () => {
  listenOn("memory:echo", serve(new Echo()));
  await using client = reconnecting<Echo>("memory:echo");
  expect(await client.callRemote("echo", "hi")).toBe("hi");
});
