// `pb tap` when its recording cannot be written any further.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { expect, test } from "vitest";
import { folder, until } from "../../../node-transport/test/support/echo.js";
import { Program, typescript } from "../../../../tools/process/program.js";
import { hostileTalk } from "../outputs/peers.js";
import { pb } from "../support.js";

test.skipIf(process.platform === "win32")(
  "passes the bytes on after its recording could not be written, and ends with an error",
  async () => {
    using files = folder();
    const file = files.file("full.pbrec");
    const echo = createServer((socket: Socket) => void socket.on("error", () => undefined).pipe(socket));
    echo.listen(0, "127.0.0.1");
    await once(echo, "listening");
    const to = `tcp:127.0.0.1:${(echo.address() as AddressInfo).port}`;
    const command = typescript("tools/bench/tap/pb.ts", "tap", "--listen", "tcp:0", "--to", to, "-o", file, "--quiet");
    // The largest file is 16 kB: as on a full disk, the write after that is an error.
    await using tap = new Program("pb tap", ["bash", "-c", 'ulimit -f 16; exec "$0" "$@"', ...command]);
    await until(() => tap.stderr.includes("listening at"), "pb tap listens");
    const socket = connect(Number(/tcp:(\d+)/.exec(tap.stderr)![1]), "127.0.0.1");
    let echoed = 0;
    socket.on("data", (bytes) => (echoed += bytes.length));
    const [choice, , call] = hostileTalk.client as [Uint8Array, Uint8Array, Uint8Array];
    socket.write(choice);
    let sent = choice.length;
    await until(() => {
      socket.write(call);
      sent += call.length;
      return tap.stderr.includes("nothing more is recorded");
    }, "the recording is full");
    await until(() => echoed === sent, "all bytes are passed on");
    tap.kill("SIGINT");
    expect([await tap.exit, tap.stderr]).toEqual([2, expect.stringMatching(/EFBIG[^]*\(CLI_FILE\)\n$/)]);
    socket.destroy();
    echo.close();
    const decoded = await pb(["decode", file]);
    expect([decoded.status, decoded.stderr]).toEqual([1, expect.stringContaining("CLI_RECORDING_TRUNCATED")]);
    expect(decoded.stdout).toContain("call 1 root.MARK");
  },
);
