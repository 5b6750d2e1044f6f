import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import assert from "node:assert/strict";

class Listener extends Referenceable {
  remote_line(_text: string) {}
}

class Book extends Root {
  async remote_readTo(listener: RemoteReference<Listener>) {
    using held = listener; // released when the method returns
    await held.call.line("Call me Ishmael.");
  }
}

// `chunkBytes: 1` delivers one byte at a time, which finds code that relies on packet boundaries.
const pair = await connectedPair({ root: new Book() }, {}, { chunkBytes: 1 });
const book = await pair.client.getRootObject<Book>();
const before = pair.transcript().length;

pair.links.initiator.hold(); // what the server sends does not arrive
const read = book.call.readTo(new Listener());
await pair.settled(); // everything else has arrived
assert.equal(pair.client.stats().callsWaiting, 1);
pair.links.initiator.release();
await read;

await pair.expectNothingLeft(); // rejects when a reference, a cache or a call is left
for (const line of pair.transcript(before)) console.log(line);

pair.links.listener.cut(new Error("The network failed"));
assert.equal((await pair.client.closed).reason, "lost");
