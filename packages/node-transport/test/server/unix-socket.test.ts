// UNIX sockets: modes, lock files, and which sockets are replaced.

import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createConnection, createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { connect, listen } from "@pb/node-transport";
import { Program } from "../support/program.js";
import type { ServerEvent } from "@pb/node-transport";
import { echo, Echo, folder, until } from "../support/echo.js";

/** Leaves behind the socket of a process that was killed, and returns the id of the process. */
async function leaveSocket(path: string): Promise<number> {
  const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => console.log("there"))`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  return child.pid!;
}

/** The largest backlog that this system allows; 0 where it does not say so. */
function somaxconn(): number {
  return process.platform === "linux" ? Number(readFileSync("/proc/sys/net/core/somaxconn", "utf8")) : 0;
}

describe.skipIf(process.platform === "win32")("a UNIX socket", () => {
  test("serves with its mode and is removed when the server closes", async () => {
    using place = folder();
    const path = place.file("pb");
    const server = await listen(`unix:${path}:mode=600`, new Echo());
    expect(server.address).toEqual({ host: "", port: 0, path });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readlinkSync(`${path}.lock`)).toBe(String(process.pid));
    await using connection = await connect(`pb+unix:${path}`);
    expect(await echo(connection, "hi")).toBe("hi");
    expect(connection.peer).toMatchObject({ description: `unix:${path}`, isEncrypted: true });
    await server.close();
    expect(readdirSync(place.path)).toEqual([]);
  });

  test("has the mode 660 by default", async () => {
    using place = folder();
    await using _server = await listen(`unix:${place.file("pb")}`, new Echo());
    expect(statSync(place.file("pb")).mode & 0o777).toBe(0o660);
  });

  test.skipIf(somaxconn() < 1000)("lets a thousand clients connect at the same moment", async () => {
    using place = folder();
    await using _server = await listen(`unix:${place.file("pb")}`, new Echo());
    // None is accepted until all have called connect(2), which Linux refuses when the backlog is full.
    const sockets = Array.from({ length: 1000 }, () => createConnection(place.file("pb")));
    const results = await Promise.all(sockets.map((socket) => once(socket, "connect").then(() => "", String)));
    for (const socket of sockets) socket.destroy();
    expect(results.filter((error) => error !== "")).toEqual([]);
  });

  test("replaces the socket of a dead server", async () => {
    using place = folder();
    const path = place.file("pb");
    const pid = await leaveSocket(path);
    symlinkSync(String(pid), `${path}.lock`);
    expect(lstatSync(path).isSocket()).toBe(true);
    await using _server = await listen({ type: "unix", path }, new Echo());
    await using connection = await connect({ type: "unix", path });
    expect(await echo(connection, "replaced")).toBe("replaced");
  });

  test("replaces the socket of a dead server with the same process id, as in a container", async () => {
    using place = folder();
    const path = place.file("pb");
    await leaveSocket(path);
    symlinkSync(String(process.pid), `${path}.lock`);
    await using _server = await listen({ type: "unix", path }, new Echo());
    await using connection = await connect({ type: "unix", path });
    expect(await echo(connection, "replaced")).toBe("replaced");
  });

  test("does not replace the socket of a living server, with or without a lock file", async () => {
    using place = folder();
    const path = place.file("pb");
    const other = createServer().listen(path);
    await once(other, "listening");
    await expect(listen({ type: "unix", path }, new Echo())).rejects.toMatchObject({
      code: "EADDRINUSE",
      message: expect.stringContaining("another server listens there"),
    });
    other.close();
    await once(other, "close");

    await using first = await listen({ type: "unix", path }, new Echo());
    await expect(listen({ type: "unix", path }, new Echo())).rejects.toMatchObject({ code: "EADDRINUSE" });
    await expect(listen({ type: "unix", path, lockfile: false }, new Echo())).rejects.toMatchObject({
      code: "EADDRINUSE",
    });
    await using connection = await connect({ type: "unix", path });
    expect(await echo(connection, "unharmed")).toBe("unharmed");
    await connection.close();
    await first.close();
    expect(readdirSync(place.path)).toEqual([]);
  });

  test("is not replaced while a living process holds the lock", async () => {
    using place = folder();
    const path = place.file("pb");
    const child = spawn("sleep", ["600"]);
    symlinkSync(String(child.pid), `${path}.lock`);
    await expect(listen({ type: "unix", path }, new Echo())).rejects.toThrow(
      `process ${String(child.pid)} has locked it`,
    );
    child.kill();
    await once(child, "exit");
    await using _server = await listen({ type: "unix", path }, new Echo());
  });

  test("is taken by one of several servers in one process", async () => {
    using place = folder();
    const path = place.file("pb");
    await leaveSocket(path);
    const attempts = await Promise.allSettled(
      Array.from({ length: 5 }, () => listen({ type: "unix", path }, new Echo())),
    );
    const servers = attempts.filter((attempt) => attempt.status === "fulfilled");
    expect(servers).toHaveLength(1);
    await using connection = await connect({ type: "unix", path });
    expect(await echo(connection, "one")).toBe("one");
    await connection.close();
    await servers[0]!.value.close();
    expect(readdirSync(place.path)).toEqual([]);
  });

  test("is taken by one of several processes that find a stale lock", async () => {
    using place = folder();
    const dead = await leaveSocket(place.file("dead"));
    await using one = new Program("contender.ts", []);
    await using two = new Program("contender.ts", []);
    await using three = new Program("contender.ts", []);
    const ask = (path: string): Promise<unknown[]> => Promise.all([one.ask(path), two.ask(path), three.ask(path)]);
    for (let round = 0; round < 200; round++) {
      const path = place.file(String(round));
      symlinkSync(String(dead), `${path}.lock`);
      const answers = await ask(path);
      expect(answers.toSorted()).toEqual(["EADDRINUSE", "EADDRINUSE", true]);
    }
    await ask(place.file("last"));
    expect(readdirSync(place.path).toSorted()).toEqual(["dead", "last", "last.lock"]);
  });

  test("is taken by one of several processes while another server releases it", async () => {
    using place = folder();
    await using one = new Program("contender.ts", []);
    await using two = new Program("contender.ts", []);
    await using three = new Program("contender.ts", []);
    const programs = [one, two, three];
    const path = place.file("pb");
    let owner: Program = one;
    expect(await owner.ask(path)).toBe(true);
    for (let round = 0; round < 300; round++) {
      // Makes the lock file so old that it counts as stale.
      lutimesSync(`${path}.lock`, 0, 0);
      const others = programs.filter((program) => program !== owner);
      const answers = await Promise.all([...others.map((program) => program.ask(path)), owner.ask(place.file("away"))]);
      const winners = others.filter((_, index) => answers[index] === true);
      const losers = answers.filter((answer) => answer !== true);
      expect(losers).toEqual(losers.map(() => "EADDRINUSE"));
      expect(winners.length).toBeLessThan(2);
      // Without a winner, all of them tried before the path was free.
      if (winners.length === 0) expect(await others[0]!.ask(path)).toBe(true);
      owner = winners[0] ?? others[0]!;
      expect(readlinkSync(`${path}.lock`)).toBe(String(owner.process.pid));
      await using _connection = await connect({ type: "unix", path });
    }
  });

  test("is not taken twice by one process through different names of its folder", async () => {
    using place = folder();
    const { symlink } = await import("node:fs/promises");
    await symlink(place.path, place.file("again"));
    const attempts = await Promise.allSettled(
      ["pb", "again/pb", "again/again/pb"].map((name) => listen({ type: "unix", path: place.file(name) }, new Echo())),
    );
    const servers = attempts.filter((attempt) => attempt.status === "fulfilled");
    expect(servers).toHaveLength(1);
    await servers[0]!.value.close();
    expect(readdirSync(place.path)).toEqual(["again"]);
  });

  test("quotes what its lock file contains in an error", async () => {
    using place = folder();
    const path = place.file("pb");
    await using _living = await listen({ type: "unix", path, lockfile: false }, new Echo());
    symlinkSync("1\n\x1b[2K", `${path}.lock`);
    await expect(listen(`unix:${path}`, new Echo())).rejects.toMatchObject({
      code: "EADDRINUSE",
      message: expect.stringContaining("process 1\\n\\x1b[2K listens there") as string,
    });
  });

  test("is not taken if its lock file is not a symbolic link", async () => {
    using place = folder();
    writeFileSync(place.file("pb.lock"), "precious");
    await expect(listen({ type: "unix", path: place.file("pb") }, new Echo())).rejects.toMatchObject({
      code: "EADDRINUSE",
      message: expect.stringContaining("its lock file is not a symbolic link"),
    });
    expect(readdirSync(place.path)).toEqual(["pb.lock"]);
  });

  test("never replaces a file that is not a socket", async () => {
    using place = folder();
    const path = place.file("precious");
    writeFileSync(path, "data");
    await expect(listen({ type: "unix", path }, new Echo())).rejects.toThrow("the path exists and is not a socket");
    expect(readdirSync(place.path)).toEqual(["precious"]);
  });

  test("is not removed if another socket has replaced it", async () => {
    using place = folder();
    const path = place.file("pb");
    const server = await listen({ type: "unix", path, lockfile: false }, new Echo());
    await leaveSocket(`${path}2`);
    const { renameSync } = await import("node:fs");
    renameSync(`${path}2`, path);
    await server.close();
    expect(existsSync(path)).toBe(true);
  });

  test("can have a relative path whose name is a number", async () => {
    using place = folder();
    const before = process.cwd();
    process.chdir(place.path);
    try {
      for (let round = 0; round < 20; round++) {
        await using _server = await listen({ type: "unix", path: "8787" }, new Echo());
        await using connection = await connect({ type: "unix", path: "8787" });
        expect(await echo(connection, round)).toBe(round);
      }
      expect(readdirSync(".")).toEqual([]);
    } finally {
      process.chdir(before);
    }
  });

  test("with such a name is not taken from a living server, however old the lock file is", async () => {
    using place = folder();
    const before = process.cwd();
    process.chdir(place.path);
    const child = spawn("sleep", ["600"]);
    const other = createServer().listen({ path: "./8787" });
    try {
      await once(other, "listening");
      symlinkSync(String(child.pid), "8787.lock");
      lutimesSync("8787.lock", 0, 0);
      await expect(listen({ type: "unix", path: "8787" }, new Echo())).rejects.toMatchObject({ code: "EADDRINUSE" });
    } finally {
      other.close();
      child.kill();
      process.chdir(before);
    }
  });

  test("leaves nothing behind if it cannot be created", async () => {
    using place = folder();
    const listeners = () => process.getActiveResourcesInfo().filter((name) => name === "PipeServerWrap").length;
    const before = listeners();
    // The socket is created and cannot be renamed to the name of a folder.
    await expect(listen({ type: "unix", path: place.file("pb/") }, new Echo())).rejects.toMatchObject({
      message: expect.stringContaining("The path ends with a slash") as unknown,
      cause: { syscall: "rename" },
    });
    expect(readdirSync(place.path)).toEqual([]);
    await until(() => listeners() === before, "no server listens");
  });

  // Only root can create a file of another user.
  describe.skipIf(process.geteuid?.() !== 0)("whose lock file belongs to another user", () => {
    const SOMEBODY = 65_534;
    const foreign: [string, (file: string) => void][] = [
      ["names a process that lives", (file) => symlinkSync(String(process.ppid), file)],
      ["names the first process", (file) => symlinkSync("1", file)],
      ["names no process", (file) => symlinkSync("/etc/passwd", file)],
      ["is not a symbolic link", (file) => writeFileSync(file, "1")],
      ["is a folder, which cannot be replaced", (file) => mkdirSync(file)],
    ];

    test.for(foreign)("is created if that %s", async ([, make]) => {
      using place = folder();
      const path = place.file("pb");
      make(`${path}.lock`);
      lchownSync(`${path}.lock`, SOMEBODY, SOMEBODY);
      const before = lstatSync(`${path}.lock`);
      const server = await listen(`unix:${path}`, new Echo());
      await using connection = await connect(`unix:${path}`);
      expect(await echo(connection, 1)).toBe(1);
      await expect(listen(`unix:${path}`, new Echo())).rejects.toMatchObject({ code: "EADDRINUSE" });
      await server.close();
      expect(readdirSync(place.path)).toEqual(before.isDirectory() ? ["pb.lock"] : []);
    });

    test("is created if there are lock files of the lock file too, and is not if those are ours", async () => {
      using place = folder();
      const path = place.file("pb");
      const files = [1, 2, 3].map((count) => path + ".lock".repeat(count));
      for (const file of files) {
        symlinkSync(String(process.ppid), file);
        lchownSync(file, SOMEBODY, SOMEBODY);
      }
      const server = await listen(`unix:${path}`, new Echo());
      await server.close();
      symlinkSync(String(process.ppid), files[0]!);
      await expect(listen(`unix:${path}`, new Echo())).rejects.toMatchObject({ code: "EADDRINUSE" });
    });

    test("is not created while a server of the other user listens", async () => {
      using place = folder();
      const path = place.file("pb");
      const other = createServer().listen(path);
      await once(other, "listening");
      symlinkSync(String(process.pid), `${path}.lock`);
      lchownSync(`${path}.lock`, SOMEBODY, SOMEBODY);
      await expect(listen(`unix:${path}`, new Echo())).rejects.toMatchObject({ code: "EADDRINUSE" });
      other.close();
    });
  });

  test("is rejected if the path of its folder is too long", async () => {
    using place = folder();
    const deep = place.file("d".repeat(104 - place.path.length));
    mkdirSync(deep);
    await expect(listen({ type: "unix", path: `${deep}/p` }, new Echo())).rejects.toMatchObject({
      code: "ENDPOINT_INVALID",
      part: "path",
    });
    expect(readdirSync(deep)).toEqual([]);
  });

  test("does not keep the server from closing if it cannot be removed", async () => {
    using place = folder();
    const events: ServerEvent[] = [];
    const endpoint = { type: "unix", path: place.file("pb"), mode: 0o666 } as const;
    const server = await listen(endpoint, new Echo(), { onEvent: (event) => events.push(event) });
    const connection = await connect(endpoint);
    // Like a service that drops its privileges once it listens.
    chmodSync(place.path, 0o555);
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) process.seteuid!(65_534);
    try {
      await server.close();
    } finally {
      if (isRoot) process.seteuid!(0);
      chmodSync(place.path, 0o755);
    }
    expect((await connection.closed).reason).toBe("lost");
    expect(events).toContainEqual({ kind: "error", error: expect.objectContaining({ code: "EACCES" }) });
    await using _next = await listen(endpoint, new Echo());
  });

  test("rejects with ENOENT if the folder does not exist", async () => {
    using place = folder();
    await expect(listen(`unix:${place.file("no/pb")}`, new Echo())).rejects.toMatchObject({ code: "ENOENT" });
  });
});
