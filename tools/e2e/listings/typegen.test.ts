// `pb typegen` with the listings of Twisted's howto: npm run real -- listings/typegen. The comment in types.ts has the
// command, which runs in the folder of the documentation.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Referenceable } from "@pb/broker";
import type { Reference } from "@pb/broker";
import { login, UsernamePassword } from "@pb/cred";
import { connect } from "@pb/node-transport";
import { describe, expect, inject, test } from "vitest";
import { pb } from "../../../packages/cli/test/support.js";
import { folder } from "../../../packages/node-transport/test/support/echo.js";
import { freePort, isListening } from "../../process/ports.js";
import { Program, until } from "../../process/program.js";
import { pythonEnvironment } from "../../twisted/twisted.js";
import { documentation, downloadListings } from "./listings.js";
import { ClientParameters, registerCopies, SenderPond } from "./types.js";
import type {
  Client,
  Copy2ReceiverReceiver,
  Group,
  Pb1serverOne,
  Pb2serverOne,
  Pb2serverTwo,
  SimplePerspective,
  Two,
  User,
} from "./types.js";

const here = fileURLToPath(new URL("./", import.meta.url));
const twisted = inject("twisteds").find(({ version }) => version.startsWith("22."));
const canRun = twisted !== undefined && downloadListings();
if (!canRun)
  console.error("PB TYPEGEN IS NOT TESTED WITH TWISTED'S LISTINGS: they need Debian's Twisted 22.4 and twisted-doc.");

/** The scripts in the first comment of types.ts: all listings that define classes for a peer and run on Python 3. */
const scripts = [
  ...readFileSync(`${here}types.ts`, "utf8")
    .split("\n")[1]!
    .matchAll(/\S+\.py(?= )/g),
].map(([script]) => join(documentation, script));

test.runIf(process.env.CI === "true" || process.env.PB_REAL === "true")("the listings are there", () =>
  expect(canRun).toBe(true),
);

describe.runIf(canRun)("pb typegen with Twisted's howto", () => {
  const check = (output: string) =>
    pb(["typegen", "--python", twisted!.python, ...scripts, "-o", output, "--check"], { env: pythonEnvironment() });

  test("the types in this repository are those of the listings, and a change is found", async () => {
    expect(scripts).toHaveLength(24);
    expect(await check(`${here}types.ts`)).toEqual({ status: 0, stdout: "", stderr: "" });
    using files = folder();
    const changed = files.file("types.ts");
    writeFileSync(
      changed,
      readFileSync(`${here}types.ts`, "utf8").replace("remote_getTwo()", "remote_getTwo(id: string)"),
    );
    const { status, stdout } = await check(changed);
    expect(status).toBe(7);
    expect(stdout).toBe(
      `${changed} is out of date:\nPb1serverOne has changed\n` +
        "  - remote_getTwo(id: string): unknown;\n  + remote_getTwo(): unknown;\n",
    );
  });

  test("pb1server: a method returns a reference", async () => {
    await using server = await start("howto/listings/pb/pb1server.py");
    await using connection = await connect(server.endpoint);
    const one = await connection.getRootObject<Pb1serverOne>();
    const two = (await one.call.getTwo()) as Reference<Two>;
    expect(await two.call.three(12)).toBeNull();
    await server.program.waitForOutput("Two.three was given 12\n");
    // @ts-expect-error -- the compiler knows the parameters
    await expect(two.call.three()).rejects.toThrow("remote_three() missing 1 required positional argument");
  });

  test("pb2server: the server gets its own object back", async () => {
    await using server = await start("howto/listings/pb/pb2server.py");
    await using connection = await connect(server.endpoint);
    const one = await connection.getRootObject<Pb2serverOne>();
    const two = (await one.call.getTwo()) as Reference<Pb2serverTwo>;
    await one.call.checkTwo(two);
    await server.program.waitForOutput("One.checkTwo(): our twos are the same\n");
  });

  test("chatserver: a login, a Viewable, and calls of an object of this end", async () => {
    class Chatter extends Referenceable implements Pick<Client, "remote_print"> {
      static readonly parameters = ClientParameters;
      readonly received: unknown[] = [];
      remote_print(message: unknown): void {
        this.received.push(message);
      }
    }
    await using server = await start("howto/listings/pb/chatserver.py");
    await using connection = await connect(server.endpoint);
    const chatter = new Chatter();
    const user = await login<User>(connection, new UsernamePassword("alice", "1234"), chatter);
    const group = (await user.call.joinGroup("#lobby", false)) as Reference<Group>;
    await group.call.send("hello");
    expect(chatter.received).toEqual(["<b'alice'> says: hello"]);
    await expect(group.call.send("mattress")).rejects.toThrow("Don't say that word");
  });

  test("copy2_receiver: it gets a copy", async () => {
    await using server = await start("howto/listings/pb/copy2_receiver.py");
    await using connection = await connect(server.endpoint, { broker: { types: registerCopies() } });
    const receiver = await connection.getRootObject<Copy2ReceiverReceiver>();
    const pond = Object.assign(new SenderPond(), { frogsAndToads: 7 });
    expect(await receiver.call.takePond(pond)).toBe("safe and sound");
    await server.program.waitForOutput(" count 7\n");
  });

  test("pbecho: an avatar, and an error of its own class", async () => {
    await using server = await start("examples/pbecho.py");
    await using connection = await connect(server.endpoint);
    const avatar = await login<SimplePerspective>(connection, new UsernamePassword("guest", "guest"));
    expect(await avatar.call.echo("a")).toBe("a");
    await expect(avatar.call.error()).rejects.toMatchObject({ remoteType: "pbecho.DefinedError" });
  });

  async function start(script: string) {
    const port = await freePort();
    const env = { ...pythonEnvironment(), PB_TWISTED_DOC: documentation, LANG: "C.UTF-8" };
    const command = [twisted!.python, `${here}run_listing.py`, String(port), join(documentation, script)] as const;
    const program = new Program(script, command, { env });
    await until(() => program.hasExited || isListening(port), "the server to listen");
    return { program, endpoint: `tcp:127.0.0.1:${port}`, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
  }
});
