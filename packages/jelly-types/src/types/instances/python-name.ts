// Names of Python classes, modules, functions and methods, as plain values for tools and relays.

import { madeBy } from "@pb/banana";
import type { PackageCopy, Steps } from "@pb/banana";
import { InsecureJellyError, JellyError, printable } from "../../errors.js";
import type { JellyReader, JellyStepReader, JellyWriter, ReadingHandler, TypeHandler } from "../../handler.js";
import type { SecurityPolicy } from "../../policy.js";
import { moduleOf } from "../../policy.js";
import { thisCopy } from "../../this-copy.js";

export type PythonNameKind = "class" | "module" | "function" | "method";

/**
 * The name of a class, module, function or method of a Python program: `new PythonName("class", "shop.Invoice")`. It
 * refers to nothing in this program. It can be sent and received only when the policy allows its kind, its module and,
 * for a class, the class. Twisted sends names of classes only.
 */
export class PythonName {
  /** For the compiler only: no other class, interface or literal has the type of this class. */
  declare private readonly brand: "PythonName";

  readonly kind: PythonNameKind;
  /** The full name, `shop.Invoice`. For a method, its name without class and module. */
  readonly name: string;
  /** The object that a method is bound to. */
  readonly self: unknown;
  /** The class of a method. */
  readonly owner: PythonName | undefined;

  constructor(kind: PythonNameKind, name: string, self?: unknown, owner?: PythonName) {
    this.kind = kind;
    this.name = name;
    this.self = self;
    this.owner = owner;
  }

  toString(): string {
    return this.owner === undefined ? this.name : `${this.owner.name}.${this.name}`;
  }

  /** @internal */
  get [madeBy](): PackageCopy {
    return thisCopy;
  }
}

function writeName(value: PythonName, jellier: JellyWriter): void {
  const { kind, name, self, owner } = value;
  requireAllowed(kind, name, jellier.policy);
  jellier.writer.list(kind === "method" ? 4 : 2);
  jellier.writer.word(kind);
  jellier.writer.text(name);
  if (kind !== "method") return;
  if (owner?.kind !== "class")
    throw new JellyError("JELLY_NOT_JELLYABLE", "The class of a method must be a PythonName of a class");
  jellier.write(self);
  jellier.write(owner);
}

function readName(unjellier: JellyReader, items: number, kind: string): PythonName {
  const name = readHead(unjellier, items, kind);
  if (kind === "method") {
    const self = unjellier.read();
    const owner = unjellier.read();
    unjellier.skip(items - 3);
    return newMethod(unjellier, name, self, owner);
  }
  unjellier.skip(items - 1);
  return new PythonName(kind as PythonNameKind, name);
}

/** As {@link readName}. */
function* readNameInSteps(unjellier: JellyStepReader, items: number, kind: string): Steps<PythonName> {
  const name = readHead(unjellier, items, kind);
  if (kind === "method") {
    const self = yield* unjellier.readInSteps();
    const owner = yield* unjellier.readInSteps();
    yield* unjellier.skipInSteps(items - 3);
    return newMethod(unjellier, name, self, owner);
  }
  yield* unjellier.skipInSteps(items - 1);
  return new PythonName(kind as PythonNameKind, name);
}

/** Reads the name, and checks that it is allowed. */
function readHead(unjellier: JellyReader, items: number, kind: string): string {
  if (!isKind(kind) || items < 1) throw new JellyError("JELLY_MALFORMED", `A ${kind} needs a name`);
  const name = unjellier.readText();
  requireAllowed(kind, name, unjellier.policy);
  if (kind === "method" && items < 3)
    throw new JellyError("JELLY_MALFORMED", "A method needs a name, an instance and a class");
  return name;
}

function newMethod(unjellier: JellyReader, name: string, self: unknown, owner: unknown): PythonName {
  if (!(owner instanceof PythonName) || owner.kind !== "class")
    throw new JellyError("JELLY_MALFORMED", "The class of a method must be a PythonName of a class");
  const method = new PythonName("method", name, self, owner);
  if (unjellier.isPending(self)) {
    unjellier.whenResolved(self, (resolved) => ((method as { self: unknown }).self = resolved));
  }
  return method;
}

/** Checks the module of a module, function or class, and the name of a class. A method is allowed when its class is. */
function requireAllowed(kind: PythonNameKind, name: string, policy: SecurityPolicy): void {
  if (!policy.allowsType(kind)) throw new InsecureJellyError(kind, `The type ${kind} is not allowed`);
  if (kind === "method") return;
  const module = kind === "module" ? name : moduleOf(name);
  if (!policy.allowsModule(module))
    throw new InsecureJellyError(name, `The module ${printable(module)} is not allowed (in ${printable(name)})`);
  if (kind === "class" && !policy.allowsClass(name))
    throw new InsecureJellyError(name, `The class ${printable(name)} is not allowed`);
}

function isKind(kind: string): kind is PythonNameKind {
  return kind === "class" || kind === "module" || kind === "function" || kind === "method";
}

export const pythonName: TypeHandler<PythonName> = {
  atoms: ["class", "module", "function", "method"],
  classes: [PythonName],
  identity: false,
  jelly: writeName,
  unjelly: readName,
  unjellyInSteps: readNameInSteps,
};

/** Reads `(instance class state)`, the form that old peers send. */
export const instance: ReadingHandler = {
  atoms: ["instance"],
  classes: [],
  unjelly(unjellier, items) {
    const name = items < 1 ? undefined : unjellier.read();
    return unjellier.readAs(classNamed(name), items - 1);
  },
  *unjellyInSteps(unjellier, items) {
    const name = items < 1 ? undefined : yield* unjellier.readInSteps();
    return yield* unjellier.readAsInSteps(classNamed(name), items - 1);
  },
};

function classNamed(name: unknown): string {
  if (!(name instanceof PythonName) || name.kind !== "class")
    throw new JellyError("JELLY_MALFORMED", "An instance needs a class and a state");
  return name.name;
}
