// What a graph that is being read has of references: objects by id, placeholders for those to come, and states that wait for them.

import { JellyError } from "../errors.js";

/** A reference id: Banana integers and byte strings, told apart. A big integer is text that no byte string is. */
export type ReferenceId = number | string;

/** Stands for an object that is referred to before it arrives. */
export class Placeholder {
  readonly patches: ((value: unknown) => void)[] = [];
  isResolved = false;
}

/** What is known about `[reference, id, …]`. */
export class Reference {
  /** The object, or a placeholder for it that something else has to fill. */
  value: unknown = undefined;
  isKnown = false;
  /** What was handed out before the object was known. */
  placeholder: Placeholder | undefined;
  is: "announced" | "open" | "complete" = "announced";
  /** Whether the object shows nothing of what is missing in it. */
  isBlank = false;
  /** Which part of the log was written while it was read. */
  logStart = 0;
  logEnd = 0;
  isChecked = false;
}

/** The references of one graph; {@link clear} makes it ready for the next. */
export class References {
  /** Placeholders that are not resolved. */
  pending = 0;
  #byId: Map<ReferenceId, Reference> | undefined;
  /** Placeholders whose patches are being applied. */
  #resolving: { readonly placeholder: Placeholder; readonly value: unknown }[] = [];
  /** Whatever was handed out before it was complete, in order: tells for each state what is missing in it. */
  #log: (Placeholder | Reference)[] = [];
  /** States that have to wait, inner ones first. */
  #unsettled: (() => void)[] = [];

  /** How long the log is: a place in it. */
  get now(): number {
    return this.#log.length;
  }

  clear(): void {
    this.pending = 0;
    this.#byId = undefined;
    if (this.#resolving.length > 0) this.#resolving = [];
    if (this.#log.length > 0) this.#log = [];
    if (this.#unsettled.length > 0) this.#unsettled = [];
  }

  /** `[reference, id, …]` begins. */
  open(id: ReferenceId): Reference {
    const reference = this.#at(id);
    if (reference.is !== "announced")
      throw new JellyError("JELLY_DUPLICATE_REFERENCE", `Two references have the id ${id}`);
    reference.is = "open";
    reference.logStart = this.#log.length;
    return reference;
  }

  /** It ends, with this value. */
  close(reference: Reference, value: unknown): void {
    reference.is = "complete";
    reference.logEnd = this.#log.length;
    this.arrive(reference, value);
  }

  /** The object is there, with or without its contents. */
  arrive(reference: Reference, value: unknown): void {
    reference.value = value;
    reference.isKnown = true;
    if (value instanceof Placeholder) value.patches.push((resolved) => this.arrive(reference, resolved));
    else if (reference.placeholder !== undefined) this.resolve(reference.placeholder, value);
  }

  /** What `[dereference, id]` stands for: the object, or a placeholder. */
  lookUp(id: ReferenceId): unknown {
    const reference = this.#at(id);
    const value = reference.isKnown ? reference.value : (reference.placeholder ??= this.#promise());
    if (value instanceof Placeholder) this.#log.push(value);
    else if (reference.is === "open" || reference.logEnd > reference.logStart) this.#log.push(reference);
    return value;
  }

  #at(id: ReferenceId): Reference {
    const byId = (this.#byId ??= new Map<ReferenceId, Reference>());
    let reference = byId.get(id);
    if (reference === undefined) byId.set(id, (reference = new Reference()));
    return reference;
  }

  #promise(): Placeholder {
    this.pending++;
    return new Placeholder();
  }

  /** A placeholder for what somebody is going to make of what was read since `start`. */
  defer(start: number, make: () => unknown): Placeholder {
    const placeholder = this.#promise();
    this.settleLater(start, () => this.resolve(placeholder, make()));
    this.#log.push(placeholder);
    return placeholder;
  }

  /** Calls `action` when the whole graph is read. Throws then, if something handed out between `start` and now is still missing. */
  settleLater(start: number, action: () => void): void {
    const end = this.#log.length;
    this.#unsettled.push(() => {
      this.#requireComplete(start, end);
      action();
    });
  }

  /** The whole graph is read. */
  settle(): void {
    for (const settle of this.#unsettled) settle();
    if (this.pending > 0) throw unresolved();
  }

  /** Patches may resolve further placeholders: in turn, not one inside the other. */
  resolve(placeholder: Placeholder, value: unknown): void {
    if (placeholder.isResolved) return;
    placeholder.isResolved = true;
    this.pending--;
    this.#resolving.push({ placeholder, value });
    if (this.#resolving.length > 1) return;
    for (const next of this.#resolving) {
      for (const patch of next.placeholder.patches) patch(next.value);
    }
    this.#resolving = [];
  }

  /** Throws when something in this part of the log is missing, there or in what was complete but for it. */
  #requireComplete(start: number, end: number): void {
    if (this.pending === 0) return;
    const parts = [start, end];
    while (parts.length > 0) {
      const stop = parts.pop()!;
      for (let index = parts.pop()!; index < stop; index++) {
        const entry = this.#log[index]!;
        if (entry instanceof Placeholder) {
          if (!entry.isResolved) throw unresolved();
        } else if (!entry.isBlank && !entry.isChecked) {
          entry.isChecked = true;
          parts.push(entry.logStart, entry.logEnd);
        }
      }
    }
  }
}

function unresolved(): JellyError {
  return new JellyError(
    "JELLY_UNRESOLVED_REFERENCE",
    "A dereference refers to nothing in this value, or to something that a factory makes of it",
  );
}
