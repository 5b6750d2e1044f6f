// `jelly` and `unjelly`: convert one value to an expression tree and back.

import { TreeReader, TreeWriter } from "@pb/banana";
import type { Expression } from "@pb/banana";
import { Jellier } from "./writing/jellier.js";
import type { JellierOptions } from "./writing/jellier.js";
import { Unjellier } from "./reading/unjellier.js";
import type { UnjellierOptions } from "./reading/unjellier-options.js";

/**
 * Converts a value to an s-expression, ready for `encode` of `@pb/banana`. Throws `JellyError` with the path to a value
 * that cannot be sent.
 */
export function jelly(value: unknown, options: JellierOptions = {}): Expression {
  const writer = new TreeWriter();
  new Jellier(writer, options).writeGraph(value);
  return writer.take();
}

/**
 * Converts an s-expression to a value. Throws `JellyError`, and `InsecureJellyError` for a type that is neither
 * registered nor allowed.
 */
export function unjelly(expression: Expression, options: UnjellierOptions = {}): unknown {
  return new Unjellier(options).readGraph(new TreeReader(expression));
}
