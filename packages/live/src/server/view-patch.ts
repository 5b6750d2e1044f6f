// One patch of a group, in the forms in which viewers get it.

import { PlainTree } from "@pb/jelly-types";
import type { Operation } from "../state/diff.js";

/** The arguments of `observe_patch`. */
export type PatchArguments = readonly [revision: number, operations: PlainTree, since: number];

/** Each form is made when a viewer needs it, once for all. */
export class ViewPatch {
  readonly since: number;
  readonly revision: number;
  readonly operations: readonly Operation[];
  /** Whether it is from the view before to the current one, so that most viewers get it. */
  readonly isNext: boolean;
  readonly tree: PlainTree;

  constructor(since: number, revision: number, operations: readonly Operation[], isNext: boolean) {
    this.since = since;
    this.revision = revision;
    this.operations = operations;
    this.isNext = isNext;
    this.tree = new PlainTree(operations);
  }

  /** Of `observe_patch`. */
  get arguments(): PatchArguments {
    return [this.revision, this.tree, this.since];
  }
}
