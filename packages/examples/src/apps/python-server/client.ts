// Calls the Twisted program, which calls back: npx tsx client.ts

import { kwargs, Referenceable, RemoteError } from "@pb/broker";
import type { KwargsOf, RemoteReference } from "@pb/broker";
import { connect } from "@pb/node-transport";

/** The methods of the Python class `Words`, without the prefix `remote_`. */
interface Words {
  translate(word: string, options?: KwargsOf<{ limit: number }>): string[];
  add(word: string, translation: string): void;
  watch(watcher: RemoteReference<Watcher>): void;
}

class Watcher extends Referenceable {
  remote_added(word: string, translation: string) {
    console.log(`added: ${word} is ${translation}`);
  }
}

await using connection = await connect("tcp:127.0.0.1:8787");
const words = await connection.getRootObject<Words>();

console.log(await words.callRemote("translate", "hello"));
console.log(await words.callRemote("translate", "hello", kwargs({ limit: 1 })));
await words.callRemote("watch", new Watcher());
await words.callRemote("add", "bread", "brød");
try {
  await words.callRemote("translate", "goodbye");
} catch (error) {
  if (error instanceof RemoteError && error.is("__main__.UnknownWord")) console.log(error.message);
}
