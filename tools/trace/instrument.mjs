// A module loader hook: every function of packages/broker/src reports when it is entered and left.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const SOURCES = /\/packages\/broker\/src\/(.*\.ts)$/;

export async function load(url, context, nextLoad) {
  const file = SOURCES.exec(url)?.[1];
  if (file === undefined) return nextLoad(url, context);
  const { outputText } = ts.transpileModule(readFileSync(fileURLToPath(url), "utf8"), {
    compilerOptions: { target: "ES2022", module: "ESNext", verbatimModuleSyntax: true },
    transformers: { before: [reportCalls(file)] },
  });
  return { format: "module", source: outputText, shortCircuit: true };
}

/**
 * Wraps the body of functions, methods and constructors. Accessors and arrow functions count as part of the code that
 * uses them.
 */
function reportCalls(file) {
  const { factory } = ts;
  const call = (name, ...args) =>
    factory.createExpressionStatement(
      factory.createCallExpression(factory.createIdentifier(name), undefined, args.map(factory.createStringLiteral)),
    );
  return (context) => (source) => {
    const visit = (node) => {
      const visited = ts.visitEachChild(node, visit, context);
      const { body, asteriskToken, modifiers, name, parameters } = visited;
      if (body === undefined || asteriskToken !== undefined) return visited;
      const wrapped = factory.createBlock([
        call("enterFunction", file, name?.text ?? "constructor"),
        factory.createTryStatement(body, undefined, factory.createBlock([call("leaveFunction")])),
      ]);
      if (ts.isMethodDeclaration(visited))
        return factory.updateMethodDeclaration(
          visited,
          modifiers,
          undefined,
          name,
          undefined,
          [],
          parameters,
          undefined,
          wrapped,
        );
      if (ts.isFunctionDeclaration(visited))
        return factory.updateFunctionDeclaration(
          visited,
          modifiers,
          undefined,
          name,
          [],
          parameters,
          undefined,
          wrapped,
        );
      // The constructor of a derived class has to call `super` first.
      if (ts.isConstructorDeclaration(visited) && node.parent.heritageClauses === undefined)
        return factory.updateConstructorDeclaration(visited, modifiers, parameters, wrapped);
      return visited;
    };
    return ts.visitNode(source, visit);
  };
}
