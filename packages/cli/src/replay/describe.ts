// Describes a difference between a recording and a live peer.

import { encode, none, pb } from "@pb/banana";
import type { Expression } from "@pb/banana";
import type { Message } from "../conversation/messages.js";
import { escaped } from "../escape.js";
import { describeMessage } from "../observe/describe-message.js";
import { showJelly } from "../observe/show-jelly.js";
import { wrapLine } from "../wrap.js";
import type { Difference } from "./player.js";
import type { ReadMessage } from "./script.js";

/** The most characters of the values of a message. */
const LONGEST = 500;

/** The difference in lines of at most `columns` characters. */
export function describeDifference({ recorded, live, text, mismatch }: Difference, columns: number): string {
  const lines = [
    "the first difference:",
    `recorded  ${recorded === undefined ? "nothing more" : describe(recorded)}`,
    `received  ${live === undefined ? text! : describe(live)}`,
  ];
  if (mismatch !== undefined && mismatch.path !== "$") {
    lines.push(`at ${mismatch.path}  ${show(mismatch.recorded)} was recorded, ${show(mismatch.live)} was received`);
  }
  return lines.map((line) => wrapLine(line, columns, 10)).join("\n");
}

/** The difference as JSON. */
export function differenceJson({ recorded, live, text, mismatch }: Difference): string {
  const fields = {
    recorded: recorded === undefined ? null : describe(recorded),
    received: live === undefined ? text : describe(live),
    path: mismatch?.path,
  };
  return escaped(JSON.stringify(fields));
}

function describe({ message, tree }: ReadMessage): string {
  const bytes = tree === undefined ? undefined : encode(tree, { dialect: message.dialect === "pb" ? pb : none });
  return describeMessage({ ...message, bytes } as Message, LONGEST);
}

function show(value: Expression | undefined): string {
  return value === undefined ? "nothing" : showJelly(value, 100);
}
