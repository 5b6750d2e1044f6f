// The ways in which a call can fail, and how to distinguish them. (howto/pb/trap_client.py)

import { DeadReferenceError } from "@pb/broker";
import { JellyError } from "@pb/jelly-types";
import { connect } from "@pb/node-transport";
import type { One } from "./trap_server.js";

class MyException extends Error {}

/** Has no type handler, and cannot be sent. */
class ScaryObject {
  readonly secret = 1;
}

const errorClasses = { "__main__.MyException": MyException };
const connection = await connect(`tcp:localhost:${process.argv[2] ?? 8800}`, { broker: { errorClasses } });
const one = await connection.getRootObject<One>();

async function doCall(explanation: string, arg: unknown): Promise<void> {
  console.log(explanation);
  try {
    const response = await one.callRemote("fooMethod", arg);
    console.log(" method successful, response:", response);
  } catch (error) {
    if (error instanceof DeadReferenceError) {
      console.log(" stale reference: the client disconnected or crashed");
    } else if (error instanceof JellyError) {
      console.log(" JellyError: you tried to send something that cannot travel");
    } else if (error instanceof MyException) {
      console.log(" remote raised a MyException");
    } else {
      console.log(" something else happened");
      throw error;
    }
  }
}

await doCall("callOne: call with safe object", "safe string");
await doCall("callTwo: call with dangerous object", new ScaryObject());
await doCall("callThree: call that raises remote exception", "panic!");
console.log("telling them to shut down");
one.sendRemote("shutdown");
await connection.closed;
await doCall("callFour: call on stale reference", "dummy");
