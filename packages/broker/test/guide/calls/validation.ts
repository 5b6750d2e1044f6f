import { z } from "zod";
import { Root } from "@pb/broker";
import { bytes, contract } from "@pb/broker/schema";
import type { Accepts } from "@pb/broker/schema";
import { connectedPair } from "@pb/broker/testing";

class Photos extends Root {
  static readonly accepts: Accepts<Photos> = {
    add: [z.string().min(1), bytes({ max: 1_000_000 })],
    owner: { args: [z.string()], returns: z.object({ name: z.string() }) },
  };

  remote_add(title: string, data: Uint8Array) {
    return `${title}, ${data.length} bytes`;
  }

  remote_owner(_title: string) {
    const user = { name: "Ann", password: "secret" };
    return user as { name: string };
  }

  remote_debug() {
    return "all internals";
  }
}

const { client } = await connectedPair({ root: new Photos(), validate: "required" });
const photos = await client.getRootObject<Photos>();
console.log(await photos.call.add("Beach", new Uint8Array(500)));
console.log({ ...(await photos.call.owner("Beach")) });

const untyped = await client.getRootObject(); // a peer may send anything
console.log(await untyped.callRemote("add", "", new Uint8Array(500)).catch(String));
console.log(await untyped.callRemote("add", "Beach", "no bytes").catch(String));
console.log(await untyped.callRemote("debug").catch(String));

// At the caller: what a server without types, such as a Python program, takes and returns.
const gallery = untyped.as(contract({ owner: { args: [z.string()], returns: z.object({ age: z.number() }) } }));
console.log(await gallery.call.owner("Beach").catch(String));
