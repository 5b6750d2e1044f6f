// The references of a graph that is being read: objects by id, placeholders for objects that are not read yet, and
// states that wait for them.

import type { Steps } from "@pb/banana";
import { JellyError } from "../errors.js";

/** The key of a reference id: see `keyOfId`. That of a byte string begins with a quotation mark. */
export type ReferenceId = number | string;

/** Stands for an object that is dereferenced before it is read. */
export class Placeholder {
  /** Called with the object when it is read. */
  readonly patches: ((value: unknown) => void)[] = [];
  isResolved = false;
}

/** The state of one `[reference, id, …]`. */
export class Reference {
  /** The object; or a placeholder, when the value of this reference is a dereference of another one. */
  value: unknown = undefined;
  isKnown = false;
  /** The placeholder that was returned by {@link References.lookUp} before the object was known. */
  placeholder: Placeholder | undefined;
  is: "announced" | "open" | "complete" = "announced";
  /**
   * Whether the object is an empty instance until its state is applied, so that other states need not wait for its
   * contents.
   */
  isBlank = false;
  /** The part of the log of {@link References} that was written while this reference was read. */
  logStart = 0;
  logEnd = 0;
  isChecked = false;
}

/** An action that waits until the whole graph is read, and the part of the log that its state was read in. */
interface DeferredAction {
  readonly start: number;
  readonly end: number;
  readonly action: () => Steps<void> | undefined;
}

/** The references of one graph; {@link clear} makes it ready for the next. */
export class References {
  /** The number of placeholders that are not resolved. */
  pending = 0;
  #byId: Map<ReferenceId, Reference> | undefined;
  /** The queue of placeholders whose patches are being applied. */
  #resolving: { readonly placeholder: Placeholder; readonly value: unknown }[] = [];
  /**
   * Every placeholder and incomplete reference that {@link lookUp} returned, in order. A state is incomplete while an
   * entry of its part of the log is.
   */
  #log: (Placeholder | Reference)[] = [];
  /** The parts of the log that were found complete: the end of each by its start. */
  readonly #checked = new Map<number, number>();
  /** Actions that run when the whole graph is read. Those of inner states come first. */
  #deferred: DeferredAction[] = [];

  /** The current length of the log: the start of the part that is written next. */
  get logLength(): number {
    return this.#log.length;
  }

  clear(): void {
    this.pending = 0;
    this.#byId = undefined;
    if (this.#resolving.length > 0) this.#resolving = [];
    if (this.#log.length > 0) this.#log = [];
    if (this.#checked.size > 0) this.#checked.clear();
    if (this.#deferred.length > 0) this.#deferred = [];
  }

  /** Starts to read `[reference, id, …]`. Throws `JELLY_DUPLICATE_REFERENCE` when the id was used before. */
  open(id: ReferenceId): Reference {
    const reference = this.#at(id);
    if (reference.is !== "announced")
      throw new JellyError("JELLY_DUPLICATE_REFERENCE", `Two references have the id ${id}`);
    reference.is = "open";
    reference.logStart = this.#log.length;
    return reference;
  }

  /** Ends a reference that was opened, with its value. */
  close(reference: Reference, value: unknown): void {
    reference.is = "complete";
    reference.logEnd = this.#log.length;
    this.setValue(reference, value);
  }

  /** Makes the object known under its id, before or after its contents are read. */
  setValue(reference: Reference, value: unknown): void {
    reference.value = value;
    reference.isKnown = true;
    if (value instanceof Placeholder) value.patches.push((resolved) => this.setValue(reference, resolved));
    else if (reference.placeholder !== undefined) this.resolve(reference.placeholder, value);
  }

  /** Returns the object of `[dereference, id]`, or a placeholder for it. */
  lookUp(id: ReferenceId): unknown {
    const reference = this.#at(id);
    const value = reference.isKnown ? reference.value : (reference.placeholder ??= this.#newPlaceholder());
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

  #newPlaceholder(): Placeholder {
    this.pending++;
    return new Placeholder();
  }

  /**
   * Returns a placeholder for the result of `make`, which is called when the whole graph is read. Its input was read
   * since `start`.
   */
  deferValue(start: number, make: () => unknown): Placeholder {
    const placeholder = this.#newPlaceholder();
    this.deferAction(start, () => {
      this.resolve(placeholder, make());
    });
    this.#log.push(placeholder);
    return placeholder;
  }

  /**
   * Calls `action` when the whole graph is read. Throws then when an object that was looked up since `start` is still
   * missing.
   */
  deferAction(start: number, action: () => Steps<void> | undefined): void {
    this.#deferred.push({ start, end: this.#log.length, action });
  }

  /**
   * Runs the deferred actions, after the whole graph is read. Throws `JELLY_UNRESOLVED_REFERENCE` when an object is
   * missing. Pauses where `endsStep` returns true.
   */
  *finish(endsStep: () => boolean): Steps<void> {
    for (const { start, end, action } of this.#deferred) {
      if (endsStep()) yield;
      if (this.pending > 0) yield* this.#requireComplete(start, end, endsStep);
      const steps = action();
      if (steps !== undefined) yield* steps;
    }
    if (this.pending > 0) throw unresolved();
  }

  /** Whether {@link finish} has something to do. */
  get hasDeferred(): boolean {
    return this.#deferred.length > 0 || this.pending > 0;
  }

  /**
   * Applies the patches of a placeholder. They may resolve further placeholders, which are queued and not resolved
   * recursively.
   */
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

  /** Throws when an entry of this part of the log is unresolved, or an entry of the log of one of its references. */
  *#requireComplete(start: number, end: number, endsStep: () => boolean): Steps<void> {
    const parts = [start, end];
    while (parts.length > 0) {
      const stop = parts.pop()!;
      for (let index = parts.pop()!; index < stop; index++) {
        if (endsStep()) yield;
        // States that are nested 500 deep would otherwise check each entry 500 times.
        const checkedEnd = this.#checked.get(index);
        if (checkedEnd !== undefined && checkedEnd > index && checkedEnd <= stop) {
          index = checkedEnd - 1;
          continue;
        }
        const entry = this.#log[index]!;
        if (entry instanceof Placeholder) {
          if (!entry.isResolved) throw unresolved();
        } else if (!entry.isBlank && !entry.isChecked) {
          entry.isChecked = true;
          parts.push(entry.logStart, entry.logEnd);
        }
      }
    }
    this.#checked.set(start, end);
  }
}

function unresolved(): JellyError {
  return new JellyError(
    "JELLY_UNRESOLVED_REFERENCE",
    "A dereference refers to an object that this value does not contain, or that is created from a part of it",
  );
}
