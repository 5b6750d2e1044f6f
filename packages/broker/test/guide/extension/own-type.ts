import { Referenceable, Root } from "@pb/broker";
import type { RemoteReference } from "@pb/broker";
import { incomingGraph, outgoingGraph } from "@pb/broker/extension";
import { connectedPair } from "@pb/broker/testing";
import { TypeRegistry } from "@pb/jelly-types";
import type { TypeHandler } from "@pb/jelly-types";

/** Sent as a reference together with its title. */
class Song extends Referenceable {
  constructor(readonly title: string) {
    super();
  }

  remote_play() {
    return `Playing ${this.title}`;
  }
}

/** A received song. */
class RemoteSong {
  constructor(
    readonly title: string,
    readonly reference: RemoteReference<Song>,
  ) {}
}

/** Writes `(radio.Song title id)`. For the server, which only sends songs. */
const songWriter: TypeHandler<Song> = {
  atoms: [],
  classes: [Song],
  identity: false,
  jelly(song, jellier) {
    const id = outgoingGraph(jellier, song).exportReference(song, song);
    jellier.writer.list(3);
    jellier.writer.word("radio.Song");
    jellier.writer.text(song.title);
    jellier.writer.integer(id);
  },
};

/** Reads `(radio.Song title id)`. For the client, which only receives songs. */
const songReader: TypeHandler<RemoteSong> = {
  atoms: ["radio.Song"],
  classes: [],
  unjelly(unjellier, items, atom) {
    if (items !== 2) throw new TypeError("A song has a title and an id");
    const title = unjellier.reader.text();
    const id = Number(unjellier.reader.integer());
    const reference = incomingGraph(unjellier, atom).importReference(id) as RemoteReference<Song>;
    return new RemoteSong(title, reference);
  },
};

class Radio extends Root {
  remote_next() {
    return new Song("Yesterday");
  }
}

interface RadioCalls {
  next(): RemoteSong;
}

const { client } = await connectedPair(
  { root: new Radio(), types: new TypeRegistry().register(songWriter) },
  { types: new TypeRegistry().register(songReader) },
);
const radio = await client.getRootObject<RadioCalls>();
const song = await radio.call.next();
console.log(song.title);
console.log(await song.reference.call.play());
