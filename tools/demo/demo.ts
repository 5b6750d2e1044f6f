// Prints the demo: one conversation in three acts, and the bytes of one of its calls.

import { noTwisted } from "../twisted/twisted.js";
import type { Twisted } from "../twisted/twisted.js";
import { typescript } from "../process/program.js";
import { playAct } from "./act.js";
import type { Recording } from "./act.js";
import { expectSameBytes, explain, findBid } from "./one-call.js";
import { password } from "./script.js";
import type { Step } from "./script.js";

export interface DemoOptions {
  readonly print: (line: string) => void;
  /** Called after the first act; may install Twisted. */
  readonly findTwisted: () => Twisted | undefined;
  /** Whether a missing Twisted is an error. Otherwise the demo ends after the first act. */
  readonly needsTwisted: boolean;
}

/** The programs. Those in TypeScript and Python correspond to each other line by line. */
const folder = "tools/demo/auction";

/** Rejects when the programs do not do what the demo shows. */
export async function runDemo({ print, findTwisted, needsTwisted }: DemoOptions): Promise<void> {
  print("Perspective Broker (PB) lets programs call methods of each other's objects over a network connection.");
  print("");
  print("The example is an auction. The auction house is a server, and Alice bids with a client: two programs,");
  print("connected by TCP. Each line below is a call or an event that one of them reported, with its result.");

  print("");
  print("1. SERVER IN TYPESCRIPT, CLIENT IN TYPESCRIPT");
  const commands = { server: typescript(`${folder}/server.ts`), client: typescript(`${folder}/client.ts`) };
  const ours = await playAct(commands, (step) => print(format(step, step.note)));
  print(summary(ours));

  const bid = findBid(ours);
  print("");
  print(`   ONE CALL IN BYTES. For bid("teapot", 45) the client sends ${bid.request.length} bytes:`);
  for (const line of explain(bid)) print(line);
  print("   Each element starts with a number (seven bits per byte, lowest first) and a type byte: 80 is a list of");
  print("   that length, 81 that integer, 82 a byte string of that length, 87 that entry of a fixed list of words.");

  print("");
  const twisted = findTwisted();
  if (twisted === undefined) {
    if (needsTwisted) throw new Error(noTwisted);
    print(noTwisted);
    return;
  }
  const printStep = (step: Step): void => print(format(step));
  print(`2. SERVER IN PYTHON WITH TWISTED ${twisted.version}, CLIENT IN TYPESCRIPT`);
  print(summary(await playAct({ ...commands, server: [twisted.python, `${folder}/server.py`] }, printStep)));

  print("");
  print(`3. SERVER IN TYPESCRIPT, CLIENT IN PYTHON WITH TWISTED ${twisted.version}`);
  const theirs = await playAct({ ...commands, client: [twisted.python, `${folder}/client.py`] }, printStep);
  print(summary(theirs));
  expectSameBytes(findBid(theirs), bid);
  print('   For bid("teapot", 45) Twisted sent the bytes shown above, apart from the numbers of request and object.');

  print("");
  print(`Everything above was checked while it ran. The programs are in ${folder}.`);
}

function format({ direction, report: [event, result] }: Step, note = ""): string {
  const text = typeof result === "string" ? result : JSON.stringify(result).replaceAll(/[:,]/g, "$& ");
  return `   ${direction.padEnd(18)}${event.padEnd(34)}${note === "" ? text : `${text.padEnd(10)}  ${note}`}`;
}

/** Throws when the recording contains Alice's password. */
function summary({ fromClient, fromServer }: Recording): string {
  const isReadable = [fromClient, fromServer].some((bytes) => Buffer.from(bytes).includes(password));
  if (isReadable) throw new Error("Alice's password was sent in plain text.");
  return `   ${fromClient.length + fromServer.length} bytes were sent. Alice's password is not among them.`;
}
