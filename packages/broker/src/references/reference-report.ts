// Describes references that are held and given, to find leaks (`traceReferences`).

import { classOf, printable } from "@pb/jelly-types";
import type { Callable } from "../calls/callable.js";

/** Lines of a stack that are kept: enough to see the function of the program. */
const MOST_FRAMES = 8;

/** How a reference got to where it is: the call, and where the program made that. */
export function originOf(what: string, method: string, frames = ""): string {
  const text = `    ${what} ${printable(method)}`;
  return frames === "" ? text : `${text}\n${frames}`;
}

/** Functions of this library through which a program makes a call. */
const OWN_FRAME = /^ +at (?:async )?(?:new )?(?:Caller|Promise|RemoteReference|PipelinedReference)\b/;

/** The stack of the program that makes a call. */
export function framesHere(): string {
  const frames = (new Error().stack ?? "").split("\n").slice(3); // not this one, nor its caller
  return frames
    .filter((frame) => !OWN_FRAME.test(frame))
    .slice(0, MOST_FRAMES)
    .join("\n");
}

/** The class of an object of this end, for a report. */
export function classNameOf({ home }: Callable): string {
  const type: unknown = classOf(home);
  return typeof type === "function" && type.name !== "" ? printable(type.name) : "an object";
}
