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
  });
  return { format: "module", source: reportCalls(file, outputText), shortCircuit: true };
}

/** Accessors, arrow functions and generators count as part of the code that uses them. */
function reportCalls(file, code) {
  const insertions = [];
  const visit = (node) => {
    const isReported =
      ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node) || ts.isConstructorDeclaration(node);
    if (isReported && node.asteriskToken === undefined) {
      const name = node.name?.text ?? "constructor";
      insertions.push({ at: node.body.getStart() + 1, text: `enterFunction("${file}", "${name}"); try {` });
      insertions.push({ at: node.body.end - 1, text: `} finally { leaveFunction(); }` });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, code, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS));
  // From the last to the first, so that the positions stay right.
  insertions.sort((one, other) => other.at - one.at);
  return insertions.reduce((text, { at, text: inserted }) => text.slice(0, at) + inserted + text.slice(at), code);
}
