// The story, top to bottom: three acts of one conversation, and one call of it under the magnifying glass.

import { noTwisted } from "../twisted/twisted.js";
import type { Twisted } from "../twisted/twisted.js";
import { play } from "./act.js";
import type { Recording } from "./act.js";
import type { Line } from "./conversation.js";
import { password } from "./conversation.js";
import { expectSame, explain, findBid } from "./one-call.js";
import type { Command } from "./program.js";

export interface DemoOptions {
  readonly print: (line: string) => void;
  /** May take its time. */
  readonly findTwisted: () => Twisted | undefined;
  /** Whether it is an error when there is no Twisted. */
  readonly needsTwisted: boolean;
}

/** Rejects when something it is to show did not happen. */
export async function runDemo({ print, findTwisted, needsTwisted }: DemoOptions): Promise<void> {
  print("Perspective Broker (PB): programs hold references to each other's objects and call their methods.");
  print("");
  print("An auction. The house is one program and Alice's client another, with TCP between them. A line is what one");
  print("of the two reports and what came of it; it is checked, then printed. After act 1: one call in bytes.");

  print("");
  print("1. THE HOUSE IN TYPESCRIPT, ALICE IN TYPESCRIPT");
  const ours = await play({ house: typescript("server"), alice: typescript("client") }, (line) =>
    print(format(line, line.note)),
  );
  print(`   ${secret(ours)}`);

  const bid = findBid(ours);
  print("");
  print(`   ONE CALL ON THE WIRE. For bid("teapot", 45) Alice's client sends ${bid.question.bytes.length} bytes:`);
  for (const line of explain(bid)) print(line);
  print("   An element is a number in digits of seven bits, lowest first, and a type: 80 a list of that many, 81 the");
  print("   number itself, 82 a byte string of that length, 87 the word that has this number in both programs.");

  print("");
  const twisted = findTwisted();
  if (twisted === undefined) {
    if (needsTwisted) throw new Error(noTwisted);
    print(noTwisted);
    return;
  }
  const name = `TWISTED ${twisted.version}`;
  const tell = (line: Line): void => print(format(line));
  print(`2. THE HOUSE IN PYTHON WITH ${name}, ALICE IN TYPESCRIPT`);
  print(`   ${secret(await play({ house: python(twisted, "server"), alice: typescript("client") }, tell))}`);

  print("");
  print(`3. THE HOUSE IN TYPESCRIPT, ALICE IN PYTHON WITH ${name}`);
  const theirs = await play({ house: typescript("server"), alice: python(twisted, "client") }, tell);
  print(`   ${secret(theirs)}`);
  expectSame(findBid(theirs), bid);
  print('   For bid("teapot", 45) Twisted sends the bytes shown above, apart from the numbers of call and object.');

  print("");
  print("All of this happened just now. The four programs are in tools/demo/auction, ten to sixty lines each.");
}

/** The programs are the same in both languages, line by line. */
function typescript(program: "server" | "client"): Command {
  const options = ["--import", "tsx", "--conditions=@pb/source"];
  return [process.execPath, ...options, `tools/demo/auction/${program}.ts`];
}

function python(twisted: Twisted, program: "server" | "client"): Command {
  return [twisted.python, `tools/demo/auction/${program}.py`];
}

function format({ who, told: [what, outcome] }: Line, note = ""): string {
  const text = typeof outcome === "string" ? outcome : JSON.stringify(outcome).replaceAll(/[:,]/g, "$& ");
  return `   ${who.padEnd(16)}${what.padEnd(30)}${note === "" ? text : `${text.padEnd(10)}  ${note}`}`;
}

/** Throws where Alice's password can be read. */
function secret({ fromAlice, fromHouse }: Recording): string {
  const isThere = [fromAlice, fromHouse].some((bytes) => Buffer.from(bytes).includes(password));
  if (isThere) throw new Error("Alice's password went over the wire.");
  return `${fromAlice.length + fromHouse.length} bytes went over the wire, and Alice's password was not among them.`;
}
