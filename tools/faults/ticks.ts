// The live object of the fault tests: its home numbers its updates, so that a lost or a repeated one is noticed.

/** Each update appends a tick. When there are many, the older half is dropped. */
export interface Ticks {
  /** The node that made it, the number, and when, in milliseconds since 1970. */
  readonly items: readonly (readonly [node: string, number: number, at: number])[];
}

export const OBJECT = "ticks";
/** More than a viewer can miss during a fault. */
export const MOST_TICKS = 2000;

/** Options of a node, as JSON in its first argument. */
export interface NodeOptions {
  readonly name: string;
  readonly nats: readonly string[];
  readonly leaseMs: number;
  readonly endpoint: string;
  /** Between two updates. */
  readonly updateMs: number;
  /** How many NATS servers store each record. */
  readonly replicas: number;
}

/** What one process with viewers reports after each line of its input, as JSON. */
export interface ViewersReport {
  readonly viewers: number;
  /** The last number that each has seen: the least and the highest. */
  readonly least: number;
  readonly highest: number;
  /** Descriptions of lost and repeated updates: the first ones. */
  readonly problems: readonly string[];
  /** Viewers that were stale since the last report. */
  readonly stale: number;
  /** How often a viewer that has connected again saw a state from before, until the patches after it had arrived. */
  readonly older: number;
  /** Milliseconds from an update to its arrival at a viewer. */
  readonly latency: { readonly p50: number; readonly p99: number };
}

/** Checks what one viewer sees. */
export class Sequence {
  last = 0;
  older = 0;

  /** The new ticks. Throws if one was lost or came twice. */
  take({ items }: Ticks): Ticks["items"] {
    items.forEach(([, number], index) => {
      const before = items[index - 1]?.[1] ?? number - 1;
      if (number !== before + 1) throw new Error(`${number} follows ${before}`);
    });
    const fresh = items.filter(([, number]) => number > this.last);
    const first = fresh[0]?.[1] ?? this.last + 1;
    const highest = items.at(-1)?.[1] ?? 0;
    if (highest < this.last) {
      this.older++;
      return [];
    }
    if (this.last > 0 && first !== this.last + 1) throw new Error(`${first} was seen after ${this.last}`);
    this.last = highest;
    return fresh;
  }
}
