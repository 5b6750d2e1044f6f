/**
 * Tells bundlers that the declarations of a built file have no side effects, so that an application gets only the code
 * it uses. Without this, a bundler keeps every class that extends another or has static properties, static blocks or
 * names such as `[Symbol.dispose]`, and with it all that the class refers to.
 */
import ts from "typescript";

/**
 * Puts the value of each top-level declaration that a bundler would keep into a function that is called at once, and
 * marks the call as pure: `var A = /* @__PURE__ *\/ (() => class A { … })()`. Lines stay as they are.
 */
export function markPure(code: string): string {
  const file = ts.createSourceFile("built.js", code, ts.ScriptTarget.ESNext);
  const edits = file.statements.flatMap((statement) => {
    if (ts.isClassDeclaration(statement)) return edit(statement, statement.name!.text, true);
    if (!ts.isVariableStatement(statement)) return [];
    return statement.declarationList.declarations.flatMap(({ name, initializer }) =>
      initializer === undefined ? [] : edit(initializer, name.getText(file), false),
    );
  });
  return edits.reduceRight((text, [at, added]) => text.slice(0, at) + added + text.slice(at), code);

  function edit(node: ts.Node, name: string, isStatement: boolean): [number, string][] {
    const needed = ts.isClassLike(node) ? !isPlain(node) && !setsVariables(node) : isImpure(node);
    if (!needed) return [];
    const start = ts.isClassLike(node) ? code.indexOf("class", node.modifiers?.end ?? node.pos) : node.getStart(file);
    const named: [number, string][] =
      ts.isClassLike(node) && node.name === undefined ? [[start + "class".length, ` ${name}`]] : [];
    const [open, close] = ts.isObjectLiteralExpression(node) ? ["(", ")"] : ["", ""];
    const declared = isStatement ? `var ${name} = ` : "";
    return [
      [start, `${declared}/* @__PURE__ */ (() => ${open}`],
      ...named,
      [node.end, `${close})()${isStatement ? ";" : ""}`],
    ];
  }
}

/** Values that bundlers keep, because reading a property or calling a function could have an effect. */
function isImpure(node: ts.Node): boolean {
  return (
    ts.isObjectLiteralExpression(node) ||
    ts.isCallExpression(node) ||
    ts.isNewExpression(node) ||
    ts.isPropertyAccessExpression(node)
  );
}

/** Whether bundlers see by themselves that the class has no side effects. */
function isPlain(node: ts.ClassLikeDeclaration): boolean {
  const isEffect = (member: ts.ClassElement): boolean =>
    ts.isClassStaticBlockDeclaration(member) ||
    (member.name !== undefined && ts.isComputedPropertyName(member.name)) ||
    (ts.isPropertyDeclaration(member) && ts.getCombinedModifierFlags(member) === ts.ModifierFlags.Static);
  return node.heritageClauses === undefined && !node.members.some(isEffect);
}

/** Whether a static block sets a variable of the file, such as a function that reads private members. */
function setsVariables(node: ts.ClassLikeDeclaration): boolean {
  const isAssignment = (statement: ts.Statement): boolean =>
    ts.isExpressionStatement(statement) && ts.isBinaryExpression(statement.expression);
  return node.members.some(
    (member) => ts.isClassStaticBlockDeclaration(member) && member.body.statements.some(isAssignment),
  );
}
