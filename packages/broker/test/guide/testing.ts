import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import assert from "node:assert/strict";

class Reader extends Referenceable {
  remote_hear(_text: string) {}
}

class Book extends Root {
  async remote_readTo(reader: RemoteReference<Reader>) {
    using held = reader; // given back when the call is done
    await held.callRemote("hear", "Call me Ishmael.");
  }
}

// Delivered byte by byte: finds whoever relies on packets.
const pair = await connectedPair({ root: new Book() }, {}, { chunkBytes: 1 });
const book = await pair.client.getRootObject<Book>();
const before = pair.transcript().length;

pair.links.initiator.hold(); // the client hears nothing for now
const read = book.callRemote("readTo", new Reader());
await pair.settled(); // nothing moves any more
assert.equal(pair.client.stats().callsWaiting, 1);
pair.links.initiator.release();
await read;

await pair.expectNothingLeft(); // no reference, no cache, no call
for (const line of pair.transcript(before)) console.log(line);

pair.links.listener.cut(new Error("no more network"));
assert.equal((await pair.client.closed).reason, "lost");
