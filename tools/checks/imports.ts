/** Reads one source file and says what it imports, what it exports by default, and which platform globals it names. */
import ts from "typescript";

export interface Import {
  specifier: string;
  line: number;
  /** Gone at run time: `import type`, `export type`, `import("…").T`. */
  isTypeOnly: boolean;
}

export interface FileFacts {
  imports: Import[];
  defaultExports: number[];
  platformGlobals: { name: string; line: number }[];
}

const platformNames = new Set(["Buffer", "process"]);

export function readFacts(path: string, text: string): FileFacts {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const facts: FileFacts = { imports: [], defaultExports: [], platformGlobals: [] };
  const ownNames = new Set<string>();
  const lineOf = (node: ts.Node): number => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;

  const visit = (node: ts.Node): void => {
    const imported = importOf(node);
    if (imported !== undefined) facts.imports.push({ ...imported, line: lineOf(node) });
    if (isDefaultExport(node)) facts.defaultExports.push(lineOf(node));
    if (ts.isIdentifier(node) && platformNames.has(node.text)) {
      if (isDeclaredName(node)) ownNames.add(node.text);
      else if (isUse(node)) facts.platformGlobals.push({ name: node.text, line: lineOf(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);

  facts.platformGlobals = facts.platformGlobals.filter(({ name }) => !ownNames.has(name));
  return facts;
}

function importOf(node: ts.Node): Omit<Import, "line"> | undefined {
  if (ts.isImportDeclaration(node)) {
    return found(node.moduleSpecifier, importsOnlyTypes(node.importClause));
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return found(node.moduleSpecifier, node.isTypeOnly || exportsOnlyTypes(node.exportClause));
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return found(node.argument.literal, true);
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return found(node.arguments[0], false);
  }
  return undefined;
}

function found(specifier: ts.Node | undefined, isTypeOnly: boolean): Omit<Import, "line"> | undefined {
  return specifier !== undefined && ts.isStringLiteralLike(specifier)
    ? { specifier: specifier.text, isTypeOnly }
    : undefined;
}

/** `import "./x.js"` has no clause and is there for what it does, so it counts as a value. */
function importsOnlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const bindings = clause.namedBindings;
  return clause.name === undefined && bindings !== undefined && ts.isNamedImports(bindings) && allTypes(bindings);
}

function exportsOnlyTypes(clause: ts.NamedExportBindings | undefined): boolean {
  return clause !== undefined && ts.isNamedExports(clause) && allTypes(clause);
}

function allTypes({ elements }: ts.NamedImports | ts.NamedExports): boolean {
  return elements.length > 0 && elements.every((element) => element.isTypeOnly);
}

function isDefaultExport(node: ts.Node): boolean {
  if (ts.isExportAssignment(node)) return true;
  if (ts.isExportSpecifier(node)) return node.name.text === "default";
  return ts.canHaveModifiers(node) && ts.getModifiers(node)?.at(-1)?.kind === ts.SyntaxKind.DefaultKeyword;
}

/** The file gives the name a meaning of its own: a parameter, a variable, a function, an import. */
function isDeclaredName(node: ts.Identifier): boolean {
  const { parent } = node;
  return (
    (ts.isVariableDeclaration(parent) ||
      ts.isParameter(parent) ||
      ts.isFunctionDeclaration(parent) ||
      ts.isBindingElement(parent) ||
      ts.isImportSpecifier(parent) ||
      ts.isClassDeclaration(parent)) &&
    parent.name === node
  );
}

/** The name stands for the global itself, not for a property or a member that is called the same. */
function isUse(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return ts.isIdentifier(parent.expression) && parent.expression.text === "globalThis";
  }
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  return !("name" in parent && parent.name === node);
}
