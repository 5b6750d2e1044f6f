// `Unjellier` reads s-expressions as values, directly from an `ExpressionReader` (wire specification 4.1, 4.5, 4.9).

import {
  BananaError,
  BYTES_HEAP,
  charge,
  defaultAllowance,
  defaultLimits,
  FLOAT_HEAP,
  NUMBER_HEAP,
  runSteps,
  SLOT_HEAP,
  STEP_BYTES,
  TreeReader,
} from "@pb/banana";
import type { Expression, ExpressionReader, Float, HeapAllowance, Steps } from "@pb/banana";
import { READING_DEPTH } from "../limits.js";
import { fromBanana, JellyError } from "../errors.js";
import { completeExactness } from "../handler.js";
import { checkNumber, checkOptions } from "../options.js";
import type { Exactness, JellyStepReader, ReadingHandler } from "../handler.js";
import { Heap } from "./heap.js";
import { keyOfId } from "./hash-guard.js";
import { ReadingHandlers } from "./reading-handlers.js";
import { Placeholder, References } from "./references.js";
import type { Reference, ReferenceId } from "./references.js";
import { SecurityPolicy } from "../policy.js";
import { SCALARS } from "./scalar-patterns.js";
import { readBoolean } from "../types/boolean.js";
import { readDictionary, readDictionaryInSteps } from "../types/dictionary.js";
import { requireHashable } from "../types/hashable.js";
import { readList, readListInSteps } from "../types/list.js";
import { readNone } from "../types/none.js";
import { UNICODE } from "../types/text.js";
import { stateBytes, takeDropped } from "../types/instances/copy.js";
import { optionKinds } from "./unjellier-options.js";
import type { UnjellierOptions } from "./unjellier-options.js";

/** The reader between two graphs. */
const noReader: ExpressionReader = new TreeReader([]);

/** A step ends after so many actions that read nothing, each of which takes at most a few microseconds. */
const STEP_ACTIONS = 1024;

/** Texts are charged when the values beside them take so many bytes: to charge each one takes time (bench `jelly`). */
const SETTLED_BYTES = 65_536;

/** The bytes on the wire of a message that is charged only for its values: most calls and answers (bench `jelly`). */
const SMALL_MESSAGE = 1_024;

/** A reader with the fast path. */
type FastReader = ExpressionReader & Required<Pick<ExpressionReader, "scalar">>;

function hasFastPath(reader: ExpressionReader): reader is FastReader {
  return reader.scalar !== undefined;
}

/** Reads graphs, one after the other. One instance may be used for all graphs of a connection. */
export class Unjellier implements JellyStepReader {
  readonly exactness: Exactness;
  readonly policy: SecurityPolicy;
  readonly persistentLoad: ((id: Expression) => unknown) | undefined;
  reader: ExpressionReader = noReader;
  context: unknown;
  /** The memory that the graph may still take. Set it before {@link readGraph}; by default, each graph has its own. */
  heap: HeapAllowance;
  /** The reader again, when it has a fast path for scalars and {@link exactness} allows its results. */
  #fastReader: FastReader | undefined;
  readonly #options: UnjellierOptions;
  readonly #handlers: ReadingHandlers;
  readonly #maxDepth: number;
  /** Whether the policy allows the two most common containers. */
  readonly #allowsLists: boolean;
  readonly #allowsDictionaries: boolean;
  readonly #allowsFastPath: boolean;
  #depth = 0;

  readonly #references = new References();
  /** The reference whose value is read next. */
  #nextReference: Reference | undefined;
  /** The reference under which {@link register} makes the container that is being read available. */
  #openReference: Reference | undefined;
  /** The tuples of this graph that are known to be hashable. */
  #hashable: Set<object> | undefined;
  /** Keys that were incomplete when they were read, and are checked again when the graph is complete. */
  #incompleteKeys: object[] = [];
  /** Whether the bytes on the wire are charged until their values are read. */
  #chargesWire = false;
  /** The bytes that were left, and the memory of texts, when they were charged last. */
  #settledAt = 0;
  #settledTexts = 0;
  /** They are charged again when less than this is left. */
  #settleBelow = 0;
  /** What was charged for reading the graph and not for its values. */
  #transient = 0;
  /** The depth at which the state of a copy is read, and the last dict there, if nothing can refer to it. */
  #stateDepth = -1;
  #ownDict: unknown = undefined;
  /** Whether byte strings among the keys of such a dict are names of attributes. */
  #hasNames = false;
  /** Where the step that is being read ends, and after how many actions. */
  #stepEnd = 0;
  #actionsLeft = 0;
  /** Elements to skip after the value that is being read, when they are skipped with pauses. */
  #surplus: number | undefined;
  #afterwards: (() => void)[] = [];

  constructor(options: UnjellierOptions = {}) {
    checkOptions(options, optionKinds);
    const { registry, policy = SecurityPolicy.standard, depth = READING_DEPTH } = options;
    this.#options = options;
    this.#handlers = new ReadingHandlers(registry, policy, options.unknownCopies === "keep");
    this.policy = policy;
    checkNumber("The option depth", depth, { least: 1, isWhole: true });
    this.#maxDepth = depth;
    this.#allowsLists = policy.allowsType("list");
    this.#allowsDictionaries = policy.allowsType("dictionary");
    this.persistentLoad = options.persistentLoad;
    const { integers, floats, dicts } = options;
    this.exactness = completeExactness({ integers, floats, dicts });
    this.heap = options.heap ?? defaultAllowance();
    this.#allowsFastPath = this.exactness.integers === "number" && this.exactness.floats === "number";
  }

  /** Whether a graph is being read: a hook of its program is running, or it pauses. */
  get isReading(): boolean {
    return this.reader !== noReader;
  }

  /**
   * Reads one whole graph. Throws {@link JellyError} for an s-expression that is not a value, {@link
   * InsecureJellyError} for a type that the policy refuses, and any error that a state hook throws. The position of the
   * reader is then undefined.
   */
  readGraph(reader: ExpressionReader, context?: unknown): unknown {
    if (this.reader !== noReader) return this.#another().readGraph(reader, context);
    this.#begin(reader, context);
    try {
      this.#chargeWire(reader);
      const value = this.read();
      const later = this.#valueOf(value);
      this.#finish();
      this.#refund();
      return later === undefined ? value : later.value;
    } catch (error) {
      this.#stateDepth = -1;
      this.#ownDict = undefined;
      throw error instanceof BananaError ? fromBanana(error) : error;
    } finally {
      this.#forgetGraph();
    }
  }

  /**
   * As {@link readGraph}, with pauses, for a reader that knows which lists are long. No other graph may be read with
   * this instance meanwhile, except by a hook.
   */
  *readGraphInSteps(reader: ExpressionReader, context?: unknown): Steps<unknown> {
    if (this.reader !== noReader) return yield* this.#another().readGraphInSteps(reader, context);
    this.#begin(reader, context);
    try {
      this.#chargeWire(reader);
      this.#startStep();
      const value = yield* this.readInSteps();
      const later = this.#valueOf(value);
      yield* this.#finishInSteps();
      this.#refund();
      return later === undefined ? value : later.value;
    } catch (error) {
      this.#stateDepth = -1;
      this.#ownDict = undefined;
      throw error instanceof BananaError ? fromBanana(error) : error;
    } finally {
      this.#forgetGraph();
    }
  }

  /** Where the value of the graph is when all of it is read. Undefined if it is there already. */
  #valueOf(value: unknown): { value: unknown } | undefined {
    if (!(value instanceof Placeholder)) return undefined;
    const later = { value: undefined as unknown };
    value.patches.push((resolved) => (later.value = resolved));
    return later;
  }

  /**
   * Charges the bytes on the wire, up to the end of the message: the characters of text, the bytes of byte strings and
   * the digits of numbers take about as much memory. {@link #settle} then replaces them by what the values take. In a
   * small message they do not matter, and a tree has none.
   */
  #chargeWire(reader: ExpressionReader): void {
    const { bytesLeft, textHeap } = reader;
    this.#settledTexts = textHeap ?? 0;
    this.#settleBelow = 0;
    this.#chargesWire = bytesLeft !== undefined && bytesLeft > SMALL_MESSAGE && textHeap !== undefined;
    if (!this.#chargesWire) return;
    charge(this.heap, bytesLeft!);
    this.#settledAt = bytesLeft!;
    this.#settleBelow = Math.max(this.heap.left - SETTLED_BYTES, 0);
  }

  /**
   * Charges the texts that were created, and refunds the bytes on the wire that were read. Throws when too little is
   * left.
   */
  #settle(): void {
    const texts = this.reader.textHeap ?? 0;
    const created = texts - this.#settledTexts;
    this.#settledTexts = texts;
    if (!this.#chargesWire) return charge(this.heap, created);
    const bytesLeft = this.reader.bytesLeft!;
    charge(this.heap, created + bytesLeft - this.#settledAt);
    this.#settledAt = bytesLeft;
    this.#settleBelow = Math.max(this.heap.left - SETTLED_BYTES, 0);
  }

  /** Charges a byte string. Its bytes on the wire are not refunded if they are charged already. */
  #chargeBytes(length: number): void {
    this.charge(this.#chargesWire ? BYTES_HEAP : BYTES_HEAP + length);
    this.#settledAt -= length;
  }

  /** What follows the graph does not belong to it. What was needed only to read it is free again. */
  #refund(): void {
    this.#settle();
    if (this.#chargesWire) this.heap.left += this.#settledAt;
    if (this.#transient > 0) this.heap.left += this.#transient;
  }

  /** A hook may read another graph while this one is being read. */
  #another(): Unjellier {
    return new Unjellier({ ...this.#options, heap: this.heap });
  }

  #begin(reader: ExpressionReader, context: unknown): void {
    this.reader = reader;
    if (this.#allowsFastPath && hasFastPath(reader)) this.#fastReader = reader;
    this.context = context;
    this.#handlers.update();
  }

  #forgetGraph(): void {
    this.reader = noReader;
    this.#fastReader = undefined;
    this.context = undefined;
    if (this.#options.heap === undefined) this.heap.left = defaultLimits.heapBytes;
    this.#depth = 0;
    this.#transient = 0;
    this.#references.clear();
    this.#nextReference = undefined;
    this.#openReference = undefined;
    this.#hashable = undefined;
    if (this.#incompleteKeys.length > 0) this.#incompleteKeys = [];
    if (this.#afterwards.length > 0) this.#afterwards = [];
  }

  #finish(): void {
    if (this.#references.hasDeferred) runSteps(this.#references.finish(() => false));
    if (this.#incompleteKeys.length > 0) this.#checkIncompleteKeys();
    for (const action of this.#afterwards) action();
  }

  *#finishInSteps(): Steps<void> {
    yield* this.#references.finish(() => this.endsStep());
    if (this.#incompleteKeys.length > 0) this.#checkIncompleteKeys();
    for (const action of this.#afterwards) {
      if (this.endsStep()) yield;
      action();
    }
  }

  #checkIncompleteKeys(): void {
    const checked = new Set<object>();
    for (const key of this.#incompleteKeys) requireHashable(key, checked);
  }

  read(): unknown {
    const fastReader = this.#fastReader;
    if (fastReader !== undefined) {
      const scalar = fastReader.scalar(SCALARS);
      if (scalar !== undefined) {
        if (typeof scalar === "number" && (scalar | 0) !== scalar) this.charge(NUMBER_HEAP);
        return scalar;
      }
    } else if (this.reader.begins(UNICODE)) return this.readText();
    const { reader } = this;
    switch (reader.kind()) {
      case "list":
        return this.#readList(reader);
      case "bytes": {
        const bytes = reader.bytes();
        if (bytes.length > 0) this.#chargeBytes(bytes.length);
        return bytes;
      }
      case "integer":
        return this.#readInteger(reader);
      case "float":
        return this.#readFloat(reader);
    }
  }

  isLong(): boolean {
    return this.reader.isLong?.() === true;
  }

  endsStep(): boolean {
    if (--this.#actionsLeft > 0 && this.reader.offset < this.#stepEnd) return false;
    this.#startStep();
    return true;
  }

  #startStep(): void {
    this.#settle();
    this.#actionsLeft = STEP_ACTIONS;
    this.#stepEnd = this.reader.offset + STEP_BYTES;
  }

  *readInSteps(): Steps<unknown> {
    const { reader } = this;
    if (!this.isLong()) return this.read();
    if (reader.begins(UNICODE)) return this.readText();
    const reference = this.#nextReference;
    this.#nextReference = undefined;
    const items = this.#readLength(reader);
    const atom = reader.word();
    switch (atom) {
      case "dictionary":
        if (!this.#allowsDictionaries) break;
        this.#openReference = reference;
        return yield* this.#readDictInSteps(items, reference);
      case "list":
        if (!this.#allowsLists) break;
        this.#openReference = reference;
        return this.#leave(yield* readListInSteps(this.#enter(), items));
      case "boolean":
        return yield* this.#skipLater(() => readBoolean(this, items));
      case "None":
        return yield* this.#skipLater(() => readNone(this, items));
      case "reference":
        return yield* this.#readReferenceInSteps(reader, items, reference !== undefined);
      case "dereference":
        return yield* this.#skipLater(() => this.#readDereference(reader, items));
    }
    const handler = this.#handlers.get(atom);
    this.charge(handler.isScalar === true ? Heap.SCALAR : Heap.INSTANCE);
    if (handler.isScalar === true) {
      const read = (): unknown => handler.unjelly(this, items, atom);
      return this.#handlers.isStandard(handler) ? yield* this.#skipLater(read) : read();
    }
    this.#openReference = reference;
    this.#enter();
    return this.#leave(yield* this.#runInSteps(handler, items, atom));
  }

  *#runInSteps(handler: ReadingHandler, items: number, atom: string): Steps<unknown> {
    if (handler.unjellyInSteps === undefined) return handler.unjelly(this, items, atom);
    return yield* handler.unjellyInSteps(this, items, atom);
  }

  /** Reads a standard type that contains no other values, and skips the surplus elements of its list with pauses. */
  *#skipLater(read: () => unknown): Steps<unknown> {
    let value: unknown;
    let surplus: number;
    this.#surplus = 0;
    try {
      value = read();
    } finally {
      surplus = this.#surplus;
      this.#surplus = undefined;
    }
    yield* this.skipInSteps(surplus);
    return value;
  }

  *skipInSteps(items: number): Steps<void> {
    for (let left = items; left > 0; left--) {
      if (this.endsStep()) yield;
      if (this.isLong() && this.reader.skipInSteps !== undefined) yield* this.reader.skipInSteps();
      else this.reader.skip();
    }
  }

  readAsInSteps(atom: string, items: number): Steps<unknown> {
    return this.#runInSteps(this.#handlers.get(atom), items, atom);
  }

  readText(): string {
    const text = this.reader.text();
    if (this.reader.textHeap === undefined) this.charge(Heap.TEXT + text.length);
    return text;
  }

  #readInteger(reader: ExpressionReader): number | bigint {
    const { offset } = reader;
    const value = reader.integer();
    if ((Number(value) | 0) === value && this.exactness.integers === "number") return value;
    // V8 keeps 64 bits of a bigint together, the wire 7.
    const bytes = typeof value === "bigint" ? 8 * Math.ceil((7 * (reader.offset - offset - 1)) / 64) : 0;
    this.charge(NUMBER_HEAP + bytes);
    return this.exactness.integers === "bigint" ? BigInt(value) : value;
  }

  #readFloat(reader: ExpressionReader): number | Float {
    this.charge(NUMBER_HEAP);
    if (this.exactness.floats === "number") return reader.float();
    const value = reader.exactFloat();
    if (typeof value === "object") this.charge(FLOAT_HEAP - NUMBER_HEAP);
    return value;
  }

  charge(bytes: number): void {
    if ((this.heap.left -= bytes) < this.#settleBelow) this.#settle();
  }

  chargeTransient(bytes: number): void {
    this.charge(bytes);
    this.#transient += bytes;
  }

  /** Reads the most common types directly, and all others with their handlers. */
  #readList(reader: ExpressionReader): unknown {
    const reference = this.#nextReference;
    this.#nextReference = undefined;
    const items = this.#readLength(reader);
    const atom = reader.word();
    switch (atom) {
      case "dictionary":
        if (!this.#allowsDictionaries) break;
        this.#openReference = reference;
        return this.#readDict(items, reference);
      case "list":
        if (!this.#allowsLists) break;
        this.#openReference = reference;
        return this.#leave(readList(this.#enter(), items));
      case "unicode":
        if (items !== 1) break;
        return this.readText();
      case "boolean":
        return readBoolean(this, items);
      case "None":
        return readNone(this, items);
      case "reference":
        return this.#readReference(reader, items, reference !== undefined);
      case "dereference":
        return this.#readDereference(reader, items);
    }
    return this.#readOther(atom, items, reference);
  }

  /** Reads the head of a list, and returns how many elements follow the atom. */
  #readLength(reader: ExpressionReader): number {
    const items = reader.list() - 1;
    if (items < 0) throw new JellyError("JELLY_MALFORMED", "An empty list is not a value");
    return items;
  }

  #readOther(atom: string, items: number, reference: Reference | undefined): unknown {
    const handler = this.#handlers.get(atom);
    this.charge(handler.isScalar === true ? Heap.SCALAR : Heap.INSTANCE);
    if (handler.isScalar === true) return handler.unjelly(this, items, atom);
    this.#openReference = reference;
    return this.#leave(handler.unjelly(this.#enter(), items, atom));
  }

  #readDict(items: number, reference: Reference | undefined): unknown {
    if (this.#depth !== this.#stateDepth || reference !== undefined)
      return this.#leave(readDictionary(this.#enter(), items, false));
    return (this.#ownDict = this.#leave(readDictionary(this.#enter(), items, this.#hasNames)));
  }

  *#readDictInSteps(items: number, reference: Reference | undefined): Steps<unknown> {
    if (this.#depth !== this.#stateDepth || reference !== undefined)
      return this.#leave(yield* readDictionaryInSteps(this.#enter(), items, false));
    return (this.#ownDict = this.#leave(yield* readDictionaryInSteps(this.#enter(), items, this.#hasNames)));
  }

  #enter(): this {
    if (this.#depth >= this.#maxDepth)
      throw new JellyError("JELLY_TOO_DEEP", `Values are nested more than ${this.#maxDepth} deep`);
    this.#depth++;
    return this;
  }

  #leave(value: unknown): unknown {
    this.#depth--;
    return value;
  }

  readAs(atom: string, items: number): unknown {
    return this.#handlers.get(atom).unjelly(this, items, atom);
  }

  #readReference(reader: ExpressionReader, items: number, isNested: boolean): unknown {
    const reference = this.#openNext(reader, items, isNested);
    const value = this.read();
    this.#nextReference = undefined;
    this.skip(items - 2);
    return this.#close(reference, value, isNested);
  }

  *#readReferenceInSteps(reader: ExpressionReader, items: number, isNested: boolean): Steps<unknown> {
    const reference = this.#openNext(reader, items, isNested);
    const value = yield* this.readInSteps();
    this.#nextReference = undefined;
    yield* this.skipInSteps(items - 2);
    return this.#close(reference, value, isNested);
  }

  #openNext(reader: ExpressionReader, items: number, isNested: boolean): Reference {
    this.#handlers.allow("reference");
    if (isNested) this.#enter();
    if (items < 2) throw new JellyError("JELLY_MALFORMED", "A reference needs an id and a value");
    const id = readId(reader);
    this.chargeTransient(Heap.REFERENCE);
    return (this.#nextReference = this.#references.open(id));
  }

  #close(reference: Reference, value: unknown, isNested: boolean): unknown {
    if (isNested) this.#depth--;
    this.#references.close(reference, value);
    return value;
  }

  #readDereference(reader: ExpressionReader, items: number): unknown {
    this.#handlers.allow("dereference");
    if (items < 1) throw new JellyError("JELLY_MALFORMED", "A dereference needs an id");
    const value = this.#references.lookUp(readId(reader));
    this.chargeTransient(value instanceof Placeholder ? Heap.REFERENCE + Heap.LATER : 2 * SLOT_HEAP);
    this.skip(items - 1);
    return value;
  }

  register(container: object): void {
    const reference = this.#openReference;
    if (reference === undefined) return;
    this.#openReference = undefined;
    this.#references.setValue(reference, container);
  }

  registerBlank(instance: object): void {
    if (this.#openReference === undefined) return;
    this.#openReference.isBlank = true;
    this.register(instance);
  }

  readState(use: (state: unknown) => void, hasNames?: boolean): void {
    const start = this.#references.logLength;
    const outer = this.#expectState(hasNames);
    const state = this.read();
    const isOwn = this.#isOwnDict(state, outer);
    if (this.#references.logLength === start) use(isOwn ? state : this.#chargeShared(state));
    else
      this.#useLater(start, state, (received) => {
        use(isOwn ? received : this.#chargeShared(received));
        return undefined;
      });
  }

  *readStateInSteps(use: (state: unknown) => Steps<void> | undefined, hasNames?: boolean): Steps<void> {
    const start = this.#references.logLength;
    const outer = this.#expectState(hasNames);
    const state = yield* this.readInSteps();
    const isOwn = this.#isOwnDict(state, outer);
    if (this.#references.logLength === start) {
      const steps = use(isOwn ? state : this.#chargeShared(state));
      if (steps !== undefined) yield* steps;
    } else {
      this.#useLater(start, state, (received) => use(isOwn ? received : this.#chargeShared(received)));
    }
  }

  /** Call before a state is read. Returns the depth of the outer state, for {@link #isOwnDict}. */
  #expectState(hasNames = false): number {
    const outer = this.#stateDepth;
    this.#hasNames = hasNames;
    this.#stateDepth = this.#depth;
    return outer;
  }

  /** Whether a state is a dict that was read for it alone. */
  #isOwnDict(state: unknown, outer: number): boolean {
    this.#stateDepth = outer;
    const isOwn = state === this.#ownDict;
    this.#ownDict = undefined;
    return isOwn;
  }

  /** Charges a state that has other holders once more: an instance gets entries of its own. */
  #chargeShared(state: unknown): unknown {
    this.charge(stateBytes(state));
    return state;
  }

  #useLater(start: number, received: unknown, use: (state: unknown) => Steps<void> | undefined): void {
    let state = received;
    this.chargeTransient(Heap.LATER);
    if (state instanceof Placeholder) this.whenResolved(state, (resolved) => (state = resolved));
    this.#references.deferAction(start, () => use(state));
  }

  readMade(make: (state: unknown) => unknown, hasNames?: boolean): unknown {
    const start = this.#references.logLength;
    const outer = this.#expectState(hasNames);
    const state = this.read();
    return this.#makeOf(start, state, this.#isOwnDict(state, outer), make);
  }

  *readMadeInSteps(make: (state: unknown) => unknown, hasNames?: boolean): Steps<unknown> {
    const start = this.#references.logLength;
    const outer = this.#expectState(hasNames);
    const state = yield* this.readInSteps();
    return this.#makeOf(start, state, this.#isOwnDict(state, outer), make);
  }

  #makeOf(start: number, received: unknown, isOwn: boolean, make: (state: unknown) => unknown): unknown {
    if (this.#references.logLength === start) return make(isOwn ? received : this.#chargeShared(received));
    let state = received;
    this.chargeTransient(2 * Heap.LATER);
    if (state instanceof Placeholder) this.whenResolved(state, (resolved) => (state = resolved));
    return this.#references.deferValue(start, () => make(isOwn ? state : this.#chargeShared(state)));
  }

  skip(items: number): void {
    if (this.#surplus !== undefined) this.#surplus += items;
    else for (let left = items; left > 0; left--) this.reader.skip();
  }

  requireHashable(value: unknown): void {
    if (typeof value !== "object" || value === null) return;
    requireHashable(value, (this.#hashable ??= new Set()));
    if (this.#references.pending > 0) this.#incompleteKeys.push(value);
  }

  isPending(value: unknown): boolean {
    return this.#references.pending > 0 && value instanceof Placeholder;
  }

  whenResolved(placeholder: unknown, patch: (value: unknown) => void): void {
    (placeholder as Placeholder).patches.push(patch);
  }

  afterwards(action: () => void): void {
    this.chargeTransient(SLOT_HEAP);
    this.#afterwards.push(action);
  }

  reportUnpersistable(reason: string): void {
    this.#options.onUnpersistable?.(reason);
  }

  reportDropped(type: string, instance: object): void {
    const names = takeDropped(instance);
    if (names.length > 0) this.#options.onDropped?.(type, names);
  }
}

function readId(reader: ExpressionReader): ReferenceId {
  switch (reader.kind()) {
    case "integer":
      return keyOfId(reader.integer());
    case "bytes":
      return `"${reader.word()}`;
    default:
      throw new JellyError(
        "JELLY_MALFORMED",
        `A reference id must be an integer or a byte string, not ${aKind(reader)}`,
      );
  }
}

function aKind(reader: ExpressionReader): string {
  const kind = reader.kind();
  return kind === "integer" ? "an integer" : `a ${kind}`;
}
