// `pb passwd`, with files that `FilePasswordDB` reads.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { FilePasswordDB, UsernamePassword } from "@pb/cred";
import type { StoredForm } from "@pb/cred";
import { describe, expect, onTestFinished, test } from "vitest";
import { folder } from "../../../node-transport/test/support/echo.js";
import { PassThrough } from "node:stream";
import { run } from "../../src/cli.js";
import { pb } from "../support.js";
import type { Ran } from "../support.js";

function fileWith(contents?: string | Buffer): string {
  const place = folder();
  onTestFinished(() => place[Symbol.dispose]());
  const path = place.file("users");
  if (contents !== undefined) writeFileSync(path, contents, { mode: 0o640 });
  return path;
}

/** Runs `pb passwd` with a first line of stdin. */
async function passwd(args: readonly string[], input = ""): Promise<Ran> {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({ write: (text: string) => (written[name] += text) });
  const stdin = new PassThrough();
  stdin.end(input);
  const io = {
    stdin,
    stdout: output("stdout"),
    stderr: output("stderr"),
    env: {},
    signal: new AbortController().signal,
  };
  return { status: await run(["passwd", ...args], io), ...written };
}

function accepts(path: string, password: string, stores?: readonly StoredForm[]): Promise<unknown> {
  const checker = new FilePasswordDB({ read: () => readFile(path) }, stores === undefined ? {} : { stores });
  return checker.requestAvatarId(new UsernamePassword("ann", password)).catch(() => false);
}

describe("sets passwords", () => {
  test("in a new file, which only its owner can read", async () => {
    const path = fileWith();
    const missing = await passwd([path, "ann"], "secret\n");
    expect([missing.status, missing.stderr]).toMatchObject([2, expect.stringContaining("--create") as string]);
    const made = await passwd([path, "ann", "--create"], "secret\n");
    expect(made).toMatchObject({ status: 0, stdout: "ann: added (scram-sha-256)\n", stderr: "" });
    if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, "utf8")).not.toContain("secret");
    expect(await accepts(path, "secret", ["scram-sha-256"])).toBe("ann");
    expect(await accepts(path, "wrong", ["scram-sha-256"])).toBe(false);
  });

  test.each<readonly [StoredForm, ...StoredForm[]]>([["md5"], ["scrypt"], ["md5", "scram-sha-256"], ["plain"]])(
    "in the form %s, and keeps it at a change",
    async (...forms) => {
      const path = fileWith("");
      await passwd([path, "ann", "--form", ...forms], "first\n");
      expect(await accepts(path, "first", forms)).toBe("ann");
      expect((await passwd([path, "ann"], "second\n")).stdout).toBe(`ann: changed (${forms.join(", ")})\n`);
      expect([await accepts(path, "first", forms), await accepts(path, "second", forms)]).toEqual([false, "ann"]);
      expect((await passwd([path, "bob"], "third\n")).stdout).toBe(`bob: added (${forms.join(", ")})\n`);
    },
  );

  test("keeps all other lines byte for byte, the mode, and a link", async () => {
    const other = Buffer.from("# no user\n\nbob:pw:x \r\n\xff\xfe:y\nann:old:1002:Ann  \nann:second", "latin1");
    const path = fileWith(other);
    const link = `${path}-link`;
    symlinkSync(path, link);
    chmodSync(path, 0o644);
    await passwd([link, "ann"], "new\n");
    const expected = "# no user\n\nbob:pw:x \r\n\xff\xfe:y\nann:new:1002:Ann  \nann:second";
    expect(readFileSync(path).toString("latin1")).toBe(expected);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    if (process.platform !== "win32") expect(statSync(path).mode & 0o777).toBe(0o644);
    await passwd([path, "eve"], "pw\n");
    expect(readFileSync(path).toString("latin1")).toBe(`${expected}\neve:pw\n`);
    await passwd([path, "ann", "--remove"]);
    expect(readFileSync(path).toString("latin1")).toBe("# no user\n\nbob:pw:x \r\n\xff\xfe:y\neve:pw\n");
  });

  test("of a user whose name is on a line without a colon too, and after a password with any last character", async () => {
    const path = fileWith("ann\nann:voilà\n");
    expect((await passwd([path, "ann", "--check"], "voilà\n")).status).toBe(0);
    expect((await passwd([path, "ann"], "new\n")).stdout).toBe("ann: changed (plain)\n");
    expect(readFileSync(path, "utf8")).toBe("ann\nann:new\n");
  });

  test("asks twice on a terminal, and does not show what is typed", async () => {
    const path = fileWith("");
    const { status, stdout, stderr } = await pb(["passwd", path, "ann"], { typed: "secret\r" });
    expect([status, stdout, stderr]).toEqual([0, "ann: added (scram-sha-256)\n", "Password: \nAgain: \n"]);
    expect(await accepts(path, "secret", ["scram-sha-256"])).toBe("ann");
  });
});

test("lists users, and names lines without a colon", async () => {
  const path = fileWith("ann:a\nno user\nb\u001bb:c\nann:d\n");
  expect(await passwd([path])).toMatchObject({
    status: 0,
    stdout: "ann\nb\\x1bb\n",
    stderr: `pb: ${path}: no colon in line 2\n`,
  });
  expect(JSON.parse((await passwd([path, "--json"])).stdout)).toEqual({ users: ["ann", "b\u001bb"], unusable: [2] });
});

test("checks a password", async () => {
  const path = fileWith("ann:secret\n");
  expect(await passwd([path, "ann", "--check"], "secret\n")).toMatchObject({
    status: 0,
    stdout: "ann: the password is right\n",
  });
  expect(await passwd([path, "ann", "--check"], "secre\n")).toMatchObject({
    status: 4,
    stdout: "ann: the password is wrong\n",
  });
});

test("a line without a colon does not hide the user whose name it is", async () => {
  const path = fileWith("ann\nann:secret\n");
  expect((await passwd([path, "ann", "--check"], "secret\n")).stdout).toBe("ann: the password is right\n");
});

test("ends at once when it is interrupted while it waits for stdin", async () => {
  const path = fileWith("bob:pw\n");
  const stdin = new PassThrough();
  const output = { write: () => true };
  const signal = AbortSignal.timeout(1);
  expect(await run(["passwd", path, "ann"], { stdin, stdout: output, stderr: output, env: {}, signal })).toBe(130);
  expect(readFileSync(path, "utf8")).toBe("bob:pw\n");
});

test("what is no file is refused, and stays what it is", async () => {
  const path = fileWith();
  mkdirSync(path);
  const link = `${path}-link`;
  symlinkSync("nowhere", link);
  for (const [place, text] of [
    [path, "is not a file"],
    [link, "leads to no file"],
  ] as const) {
    const { status, stderr } = await passwd([place, "ann", "--create", "--form", "md5"], "secret\n");
    expect([status, stderr]).toMatchObject([2, expect.stringContaining(text) as string]);
  }
  expect([lstatSync(link).isSymbolicLink(), readdirSync(path)]).toEqual([true, []]);
  const { stderr } = await passwd([`${path}/none/users`, "ann", "--create", "--form", "md5"], "secret\n");
  expect(stderr).toContain("ENOENT");
  expect(stderr).not.toContain("--create");
});

test.for([
  [["ann", "--remove"], "", "has no user ann"],
  [["ann", "--check"], "x\n", "has no user ann"],
  [["a:b"], "x\n", "no colon"],
  [["ann "], "x\n", "no white space at its ends"],
  [["ann"], "\n", "the password is empty"],
  [["ann", "--form", "plain"], "a:b\n", "a plain password has no colon"],
  [["ann", "--form", "plain"], "d41d8cd98f00b204e9800998ecf8427e\n", "must not look like one that is stored"],
  [["ann", "--form", "plain", "md5"], "x\n", "cannot be combined"],
  [["ann", "--check", "--remove"], "x\n", "exclude each other"],
  [["--create"], "x\n", "need a user"],
] as const)("%j is refused, and nothing changes", async ([args, input, text]) => {
  const path = fileWith("bob:pw\n");
  const { status, stderr } = await passwd([path, ...args], input);
  expect([status, stderr]).toMatchObject([2, expect.stringContaining(text) as string]);
  expect(readFileSync(path, "utf8")).toBe("bob:pw\n");
  expect(readdirSync(path.slice(0, -"users".length))).toEqual(["users"]);
});

test("two programs do not change a file at the same time", async () => {
  const path = fileWith("bob:pw\n");
  const draft = path.replace(/users$/, ".users.new");
  writeFileSync(draft, "");
  const { status, stderr } = await passwd([path, "ann"], "secret\n");
  expect([status, stderr]).toMatchObject([2, expect.stringContaining("another pb passwd") as string]);
  expect([readFileSync(path, "utf8"), readFileSync(draft, "utf8")]).toEqual(["bob:pw\n", ""]);
});
