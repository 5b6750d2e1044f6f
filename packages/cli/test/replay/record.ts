// Records a conversation through a proxy in this process.

import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Conversation } from "../../src/conversation/conversation.js";
import type { Side } from "../../src/conversation/messages.js";
import { RecordingWriter } from "../../src/recording/recording-writer.js";

/** Writes a recording of what `use` does with the endpoint of the proxy, which passes on to a port. */
export async function record(file: string, port: number, use: (endpoint: string) => Promise<unknown>): Promise<void> {
  const header = { pb: 1, started: new Date().toISOString(), tool: "test", listen: "tcp:0", target: `tcp:${port}` };
  const writer = await RecordingWriter.create(file, header);
  const startMs = performance.now();
  const base = () => ({ timeMs: performance.now() - startMs, connection: 1 });
  const proxy = createServer((client) => {
    const server = connect(port, "127.0.0.1");
    const conversation = new Conversation({
      onMessage: ({ from, bytes, size, redacted }) =>
        writer.writeData({ kind: "data", ...base(), from, bytes: bytes!, ...(redacted > 0 && { size, redacted }) }),
    });
    const pass = (from: Side, source: typeof client, target: typeof client): void => {
      source.on("data", (bytes) => {
        conversation.feed(from, bytes, performance.now() - startMs);
        target.write(bytes);
      });
      source.on("end", () => {
        writer.write({ kind: "fin", ...base(), from });
        target.end();
      });
      source.on("error", () => target.destroy());
    };
    writer.write({ kind: "open", ...base(), address: "127.0.0.1" });
    pass("client", client, server);
    pass("server", server, client);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  await use(`tcp:127.0.0.1:${(proxy.address() as AddressInfo).port}`);
  proxy.close();
  await once(proxy, "close");
  await writer.finish(performance.now() - startMs);
}
