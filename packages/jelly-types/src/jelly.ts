// One value at once: the functions most people need.

import { TreeReader, TreeWriter } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { Jellier } from "./writing/jellier.js";
import type { JellierOptions } from "./writing/jellier.js";
import { Unjellier } from "./reading/unjellier.js";
import type { UnjellierOptions } from "./reading/unjellier.js";

/** A value as an s-expression, ready for `encode` of `@pb/banana`. Throws `JellyError` with the path to what cannot travel. */
export function jelly(value: unknown, options: JellierOptions = {}): Expression {
  const writer = new TreeWriter();
  new Jellier(writer, options).writeGraph(value);
  return writer.take();
}

/** The value of an s-expression. Throws `JellyError`, and `InsecureJellyError` for a type that nobody registered or allowed. */
export function unjelly(expression: Expression, options: UnjellierOptions = {}): unknown {
  return new Unjellier(options).readGraph(new TreeReader(expression));
}
