/**
 * Counts the types that the compiler instantiates for the programs of the guide and the examples: what checking calls
 * costs a user, without noise. It fails when a count exceeds its budget.
 */
import { join } from "node:path";
import ts from "typescript";

/** Where the programs are, and the largest count. Raise a budget with the programs, not with the types of calls. */
const budgets: Record<string, number> = { "packages/broker/test/guide": 30_000, "packages/examples/src": 43_000 };

export function typeCost(root: string): string[] {
  return Object.entries(budgets).flatMap(([folder, budget]) => {
    const count = instantiations(root, folder);
    console.log(`${folder}: ${count} instantiations of at most ${budget}`);
    return count > budget
      ? [`${folder}: ${count} instantiations; the budget is ${budget} (tools/checks/type-cost.ts).`]
      : [];
  });
}

function instantiations(root: string, folder: string): number {
  const { config } = ts.readConfigFile(join(root, "tsconfig.json"), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const parsed = ts.parseJsonConfigFileContent({ ...config, include: [folder] }, ts.sys, root);
  const program = ts.createProgram(parsed.fileNames, parsed.options);
  const files = program.getSourceFiles().filter(({ fileName }) => fileName.includes(`/${folder}/`));
  for (const file of files) program.getSemanticDiagnostics(file);
  return program.getInstantiationCount();
}
