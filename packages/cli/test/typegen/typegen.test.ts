// `pb typegen` with Python programs: the types that it writes, and calls with them.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { asLocal, kwargs, Referenceable, remoteCache } from "@pb/broker";
import type { Reference } from "@pb/broker";
import { FrozenSet, TimeDelta, tuple } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";
import { describe, expect, inject, test } from "vitest";
import { Program } from "../../../../tools/process/program.js";
import { pythonEnvironment } from "../../../../tools/twisted/twisted.js";
import { folder } from "../../../node-transport/test/support/echo.js";
import { renderFile } from "../../src/typegen/render.js";
import { pb } from "../support.js";
import { Fruit, Order, registerCopies, ShopParameters, Stock } from "./shop.js";
import type { Shop } from "./shop.js";

const here = fileURLToPath(new URL("./", import.meta.url));
const twisteds = inject("twisteds");
const env = pythonEnvironment();

class MyStock extends Stock {
  declare apples: number;
  observe_setApples(apples: unknown): void {
    this.apples = apples as number;
  }
}

class Customer extends Referenceable {
  remote_answer(color: string): string {
    return `${color}!`;
  }
}

test("quotes the names of fields that are no identifiers", () => {
  const fields = ["unit-price", "größe", "2nd"].map((name) => ({
    ...{ name, type: { kind: "float" } as const, isOptional: false },
  }));
  const row = { kind: "record", module: "shop", name: "Row", doc: "", wires: [], fields, isOpen: false } as const;
  expect(renderFile({ classes: [row] }, "pb typegen shop")).toContain(
    'export type Row = {\n  "unit-price": number;\n  größe: number;\n  "2nd": number;\n}',
  );
});

test("an entry __proto__ does not become the prototype of a parameter list", () => {
  const method = { name: "remote___proto__", doc: "", parameters: [], result: { kind: "null" } } as const;
  const shop = { kind: "Referenceable", module: "shop", name: "Shop", doc: "", wires: [], methods: [method] } as const;
  expect(renderFile({ classes: [shop] }, "pb typegen shop")).toContain('= {\n  ["__proto__"]: [],\n};');
});

describe.skipIf(twisteds.length === 0)("with a real Twisted", () => {
  const [{ python } = { python: "" }] = twisteds;

  test.each(twisteds)("writes the same types with Twisted $version", async (twisted) => {
    const args = ["typegen", "--python", twisted.python, `${here}shop.py`, "-o", `${here}shop.ts`, "--check", "--json"];
    const { stdout, status } = await pb(args, { env });
    expect(JSON.parse(stdout)).toEqual({ output: `${here}shop.ts`, differences: [] });
    expect(status).toBe(0);
  });

  test("a program uses the types to call the server", async () => {
    await using server = new Program("the shop", [python, `${here}shop.py`], { env });
    const types = registerCopies().register(remoteCache("__main__.Stock", MyStock));
    await using client = await connect(`tcp:127.0.0.1:${await server.nextLine()}`, { broker: { types } });
    const shop = await client.getRootObject<Shop>();
    const fruit = await shop.call.fruit("apple", "EUR", kwargs({ limit: 3 }));
    expect(fruit).toBeInstanceOf(Fruit);
    expect([fruit.name, String(fruit.price), String(fruit.best_before)]).toEqual(["apple", "3", "2026-01-31"]);
    expect(await shop.call.join(1, "a", "b", kwargs({ separator: new Uint8Array([43]), last: 1 }))).toEqual([
      1,
      "a",
      "b",
      "+",
      null,
      "last",
    ]);
    const map = await shop.call.later();
    expect([...(await map.call.at(1, 2.5))]).toEqual([1, "2.5"]);
    expect(await shop.call.ask(new Customer(), { color: "red" })).toBe("red!");
    const order = Object.assign(new Order(), { number: 7, lines: [], state: "new" });
    expect(await shop.call.order(order)).toMatchObject({ number: 7, paid: true });
    expect(await shop.call.numbers({} as never, new Set(["a"]), tuple(1, 2))).toEqual(new FrozenSet(["a"]));
    expect(String(await shop.call.when(new TimeDelta(1)))).toBe("2026-02-01T00:00:00");
    const stock = await shop.call.stock();
    await shop.call.sell();
    expect(stock).toMatchObject({ apples: 6 });
    // @ts-expect-error -- the compiler knows the parameters
    expect(() => shop.sendRemote("ask", 7)).not.toThrow();
  });

  test("a class in the place of the server can declare the parameters", async () => {
    class Local extends Referenceable {
      static readonly parameters = ShopParameters;
      remote_fruit(name: string, _currency: unknown, limit: number): string {
        return `${name} ${limit}`;
      }
    }
    const local = asLocal(new Local()) as unknown as Reference; // the compiler does not know the names of parameters
    expect(await local.callRemote("fruit", kwargs({ limit: 3, name: "apple" }))).toBe("apple 3");
  });

  test("names what is out of date, whatever the formatting", async () => {
    using files = folder();
    const output = files.file("shop.ts");
    const args = ["typegen", "--python", python, `${here}shop.py`, "-o", output, "--check"];
    expect(await pb(args, { env })).toMatchObject({ status: 7, stdout: expect.stringContaining("Shop is missing") });
    const old = readFileSync(`${here}shop.ts`, "utf8").replaceAll("remote_sell", "remote_buy").replaceAll("\n", "\r\n");
    writeFileSync(output, `${old}\r\nexport type Gone = 1;\r\n`);
    const { stdout, status } = await pb(args, { env });
    expect(stdout).toBe(
      `${output} is out of date:\nShop has changed\n  - remote_buy(): null;\n  + remote_sell(): null;\n` +
        "Gone does not exist in Python any more\n",
    );
    expect(status).toBe(7);
    expect(readFileSync(output, "utf8")).toContain("Gone");
  });

  test("a script that runs a reactor with task.react is not started", async () => {
    using files = folder();
    const script = files.file("caller.py");
    const main = "def main(reactor):\n    raise SystemExit('started')\n";
    const client = "class Client(pb.Referenceable):\n    def remote_print(self, text: str) -> None: pass\n";
    writeFileSync(
      script,
      `from twisted.internet import task\nfrom twisted.spread import pb\n${client}${main}task.react(main)\n`,
    );
    const { status, stdout, stderr } = await pb(["typegen", "--python", python, script], { env });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("  remote_print(text: string): null;\n");
  });

  test("the errors of modules and targets are shown, and nothing is written", async () => {
    using files = folder();
    mkdirSync(files.file("lib"));
    const script = files.file("lib/broken.py");
    writeFileSync(script, "def start():\n    return 1 / 0\n\nstart()\n");
    const output = files.file("out.ts");
    const run = (...targets: string[]) => pb(["typegen", "--python", python, "-o", output, ...targets], { env });
    const broken = await run(script);
    expect(broken).toMatchObject({ status: 1, stdout: "" });
    expect(broken.stderr).toContain(`  File "${script}", line 2, in start\n    return 1 / 0\n`);
    expect(broken.stderr).toContain("ZeroDivisionError: division by zero (CLI_PYTHON)\n");
    expect(broken.stderr).not.toContain("describe.py");
    expect(() => readFileSync(output)).toThrow("ENOENT");
  });
});

test.skipIf(twisteds.length === 0)("one line names a class whose metaclass raises, and says what to do", async () => {
  using files = folder();
  const script = files.file("odd.py");
  const lines = ["def __dir__(cls):", "    raise ValueError('two\\nlines')"].map((line) => `    ${line}\n`);
  writeFileSync(script, `class Meta(type):\n${lines.join("")}\nclass Odd(metaclass=Meta):\n    pass\n`);
  const { stdout, stderr, status } = await pb(["typegen", "--python", twisteds[0]!.python, script], { env });
  expect({ stdout, stderr, status }).toEqual({
    stdout: "",
    stderr:
      "pb: the class odd.Odd cannot be described, because its metaclass or one of its attributes raises ValueError: two lines. " +
      "Name the other classes instead of the module, as in odd:Class (CLI_PYTHON)\n",
    status: 1,
  });
});

test.skipIf(process.platform === "win32")("does not wait for processes that a module has started", async () => {
  using files = folder();
  const [python, pid] = [files.file("python"), files.file("pid")];
  writeFileSync(python, `#!/bin/sh\nsleep 20 &\necho $! > ${pid}\nkill -SEGV $$\n`, { mode: 0o755 });
  const { stderr } = await pb(["typegen", "--python", python, "--timeout", "10", "shop"], { env: process.env });
  process.kill(Number(readFileSync(pid, "utf8")));
  expect(stderr).toContain(`${python} ended without a description (SIGSEGV):`);
});

test.each([
  [["--python", "/nonexistent/python", "shop"], "--python /nonexistent/python cannot be started"],
  [["--check", "shop"], "--check needs --output FILE"],
  [["shop:"], '"shop:": expected module, module:Class or file.py:Class'],
  [["-o", "x.ts", "--", "-c"], '"-c": expected module'],
  [[], "missing required argument 'target'"],
])("%j is a mistake", async (args, message) => {
  expect(await pb(["typegen", ...args])).toMatchObject({
    status: 2,
    stdout: "",
    stderr: expect.stringContaining(message),
  });
});
