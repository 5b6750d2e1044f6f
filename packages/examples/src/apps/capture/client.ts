// Prints the calls in a file of bytes that a client of Twisted has sent: npx tsx client.ts capture.bin

import { readFileSync } from "node:fs";
import { inspect, Scanner } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { unjelly } from "@pb/jelly-types";

const bytes = readFileSync(process.argv[2] ?? "capture.bin");
console.log(inspect(bytes.subarray(0, 87), { dialect: "pb" })); // these are whole messages in this file only

const scanner = new Scanner({ dialect: "pb" });
scanner.push(bytes); // also piece by piece, as bytes arrive
for (let next = scanner.next(); next !== undefined; next = scanner.next()) printCall(next);
if (scanner.pendingBytes > 0) console.log(`The last ${scanner.pendingBytes} bytes are the beginning of a message`);

/** A call is (message id object method wantsAnswer arguments keywordArguments). */
function printCall(expression: Expression) {
  if (!Array.isArray(expression) || text(expression[0]) !== "message") return;
  const [, id, target, method, , args] = expression as [unknown, number, Expression, Expression, unknown, Expression];
  console.log(`call ${id}: ${text(target)}.${text(method)}`, readable(args));
}

/** The values of the arguments. A reference has a meaning only on its connection: then the expression itself. */
function readable(args: Expression): unknown {
  try {
    return [...(unjelly(args) as Iterable<unknown>)];
  } catch {
    return inspect(args);
  }
}

function text(word: unknown): string {
  return word instanceof Uint8Array ? new TextDecoder().decode(word) : String(word);
}
