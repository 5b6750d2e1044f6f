import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { connectedPair } from "@pb/broker/testing";
import assert from "node:assert/strict";

class Reader extends Referenceable {
  remote_chapter(_text: string) {}
}

class Book extends Root {
  async remote_readTo(reader: RemoteReference<Reader>) {
    using held = reader; // given back when the call is done
    await held.callRemote("chapter", "Call me Ishmael.");
  }
}

// Delivered byte by byte: finds whoever relies on packets.
const { client, server, links } = await connectedPair({ root: new Book() }, {}, { chunkBytes: 1 });
const book = await client.getRootObject<Book>();

links.initiator.hold(); // the client hears nothing for now
const read = book.callRemote("readTo", new Reader());
assert.equal(client.stats().callsWaiting, 1);
links.initiator.release();
await read;

await client.ping();
assert.equal(client.stats().referencesGiven, 0); // nothing is left behind

links.listener.cut(new Error("no more network"));
assert.equal((await client.closed).reason, "lost");
assert.equal((await server.closed).reason, "lost");
console.log("fine");
