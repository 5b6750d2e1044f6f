// The everyday programs, against one Python process for all of them.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { freePort } from "../../../tools/process/ports.js";
import { Program } from "../../../tools/process/program.js";
import { pythonEnvironment } from "../../../tools/twisted/twisted.js";
import * as accounting from "../src/everyday/accounting.js";
import * as callbacks from "../src/everyday/callbacks.js";
import * as chat from "../src/everyday/chat.js";
import * as jobs from "../src/everyday/jobs.js";
import * as logins from "../src/everyday/logins.js";
import * as monitor from "../src/everyday/monitor.js";
import * as todo from "../src/everyday/todo.js";
import * as upload from "../src/everyday/upload.js";

const folder = fileURLToPath(new URL("../src/everyday/", import.meta.url));

describe.each(inject("twisteds"))("with Twisted $version", ({ python }) => {
  let server: Program;
  let ports: Record<string, number>;

  function start(...args: string[]): Program {
    const [file, ...others] = args;
    return new Program("the Python program", [python, join(folder, file!), ...others], { env: pythonEnvironment() });
  }

  beforeAll(async () => {
    server = start("serve.py");
    ports = await server.nextJson();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** The lines that a program prints. */
  async function output(
    name: string,
    main: (address: string, print: (line: string) => void) => Promise<void>,
  ): Promise<string[]> {
    const lines: string[] = [];
    await main(`tcp:127.0.0.1:${ports[name]!}`, (line) => lines.push(line));
    return lines;
  }

  test("people chat", async () => {
    const lines = await output("chat", chat.main);
    const readBy = (name: string): string[] =>
      lines.filter((line) => line.startsWith(name)).map((line) => line.slice(`${name} reads: `.length));
    expect(readBy("Ann")).toEqual([
      "bob joined",
      "<ann> hello",
      "bob is now robert",
      "<robert> hi",
      "robert left",
      "<ann> still there?",
    ]);
    expect(readBy("Bob")).toEqual(["ann is here already", "ann and bob are here", "<ann> hello", "<robert> hi"]);
  });

  test("jobs report, and are canceled", async () => {
    expect(await output("jobs", jobs.main)).toEqual([
      "Step 1 of 3",
      "Step 2 of 3",
      "Step 3 of 3",
      "The sum is 6",
      "The job was canceled",
      "Gave up: CallTimeoutError",
    ]);
  });

  test("two screens show one to-do list", async () => {
    expect(await output("todo", todo.main)).toEqual([
      "Kitchen: nothing",
      "Phone: [ ] milk, [ ] bread",
      "Phone: [x] milk, [ ] bread",
      "Kitchen: [x] milk, [ ] bread, [ ] eggs",
      "1 screen is left",
    ]);
  });

  test("orders are checked by callbacks, with errors of both programs", async () => {
    expect(await output("callbacks", callbacks.main)).toEqual([
      "no melon: the limit is 10",
      "no pear: callbacks.OutOfStock",
      "no pear: orders.NotHungry",
      "No kiwi in stock",
    ]);
  });

  test("each kind of user has its own methods", async () => {
    expect(await output("logins", logins.main)).toEqual([
      "Wrong password",
      "Logged in as a Reader",
      "rob has Dune",
      "RemoteError: rob has it",
      "RemoteError: 'Reader' object has no attribute 'perspective_borrowed'",
      "Logged in as a Librarian",
      '{"Dune":"rob"}',
    ]);
    await server.waitForOutput("logout rob\nlogout lena\n");
  });

  test("a file is uploaded, and its progress shown", async () => {
    const home = mkdtempSync(join(tmpdir(), "pb-upload-"));
    onTestFinished(() => rmSync(home, { recursive: true }));
    const path = join(home, "photo.bin");
    writeFileSync(
      path,
      new Uint8Array(1_000_000).map((_, index) => index * index),
    );
    expect(await output("upload", (address, print) => upload.main(address, print, path))).toEqual([
      "Refused: not a name of a file: ../passwd",
      "25 %",
      "50 %",
      "75 %",
      "100 %",
      "The file arrived unchanged",
    ]);
  });

  test("Python books with exact amounts, days, times and receipts", async () => {
    const ledger = await accounting.main("tcp:0:interface=127.0.0.1");
    onTestFinished(() => ledger.close());
    const client = start("accounting.py", String(ledger.port));
    expect([await client.exit, client.stderr]).toEqual([0, ""]);
    expect(client.stdout.split("\n")).toEqual([
      "1 Decimal('19.90') 2026-02-28T23:59:59.999999 b'\\x89PNG\\x00'",
      "2 Decimal('20.00') 2026-02-28T23:59:59.999999 b''",
      "3 Decimal('12.995') 2026-02-28T23:59:59.999999 None",
      "Decimal('12.995') datetime.datetime(2026, 3, 30, 0, 0)",
      "True",
      "ledger.NotMoney not an amount: 19.9",
      "",
    ]);
  });

  test("a monitor goes on after the server was restarted", async () => {
    const port = String(await freePort());
    const lines: string[] = [];
    await using machine = monitor.main(`tcp:127.0.0.1:${port}`, (line) => lines.push(line));
    for (const degrees of [21, 22]) {
      await using restarted = start("serve.py", "monitor", port);
      await machine.call.measure(degrees); // Waits for the connection, and for the subscription.
      await expect
        .poll(() => lines.filter((line) => line !== "waiting").toSorted())
        .toEqual(["1 display", `${degrees} degrees`, "ready"]);
      restarted.kill();
      await expect.poll(() => machine.state.is).not.toBe("ready");
      lines.length = 0;
    }
    await machine.close();
    expect(lines.filter((line) => line !== "waiting")).toEqual(["stopped"]);
  });
});
