// What is known about the changes of wide dicts, so that a patch does not compare all of their entries again.

type Dict = Readonly<Record<string, unknown>>;

/** Entries from which on a dict is wide. Smaller ones are compared in microseconds. */
export const WIDE = 512;

/** Keys that are noted for one dict. If more have changed, all entries are compared. */
const MOST_KEYS = 512;

/** What has changed from one dict to the next. */
interface Step {
  /** The number of the dict before. Not the dict itself, which would not be collected. */
  readonly from: number;
  readonly keys: readonly string[];
}

/** A wide dict: how many entries it has, and the last changes that have made it, oldest first. */
interface Lineage {
  readonly id: number;
  readonly entries: number;
  readonly steps: readonly Step[];
}

/** Of all wide dicts that were checked, and thus never change. */
const lineages = new WeakMap<object, Lineage>();
let lastId = 0;

/** The comparison of a dict with one that was checked before, while its entries are checked. */
export class Comparison {
  readonly #before: Dict;
  readonly #old: Lineage;
  readonly #keys: string[] = [];
  #kept = 0;

  private constructor(before: Dict, old: Lineage) {
    this.#before = before;
    this.#old = old;
  }

  /** Undefined if there is nothing wide to compare with. */
  static with(before: Dict | undefined): Comparison | undefined {
    const old = before === undefined ? undefined : lineages.get(before);
    return old === undefined ? undefined : new Comparison(before!, old);
  }

  /** Notes an entry: whether it is the same as before. */
  note(key: string, isOld: boolean): void {
    if (isOld || Object.hasOwn(this.#before, key)) this.#kept++;
    if (!isOld && this.#keys.length <= MOST_KEYS) this.#keys.push(key);
  }

  /** The changes that have made `after`. */
  steps(after: Dict): readonly Step[] {
    const keys = this.#keys;
    if (this.#kept < this.#old.entries)
      for (const key of Object.keys(this.#before)) if (!Object.hasOwn(after, key)) keys.push(key);
    const steps = [...this.#old.steps, { from: this.#old.id, keys }];
    let sum = 0;
    let first = steps.length;
    while (first > 0 && (sum += steps[first - 1]!.keys.length + 1) <= MOST_KEYS) first--;
    return steps.slice(first);
  }
}

/** Whether a dict was noted as a wide one. */
export function isWide(dict: object): boolean {
  return lineages.has(dict);
}

/** Notes a wide dict that was checked, and how it has come about. */
export function noteDict(dict: Dict, entries: number, comparison: Comparison | undefined): void {
  lineages.set(dict, { id: ++lastId, entries, steps: comparison?.steps(dict) ?? [] });
}

/**
 * The keys of all entries in which two dicts differ, and maybe others, in the order in which a comparison of all
 * entries would find them. Undefined if that is not known.
 */
export function changedKeys(before: Dict, after: Dict): readonly string[] | undefined {
  const from = lineages.get(before)?.id;
  const steps = from === undefined ? [] : (lineages.get(after)?.steps ?? []);
  const first = steps.findIndex((step) => step.from === from);
  if (first === -1) return undefined;
  if (first === steps.length - 1) return steps[first]!.keys;
  const keys = [...new Set(steps.slice(first).flatMap((step) => step.keys))];
  // Several steps may have added entries in another order than the one in which the dict has them.
  return keys.filter((key) => !Object.hasOwn(before, key)).length > 1 ? undefined : keys;
}
