/**
 * Checks with dependency-cruiser which file may import which: between packages, inside a package, and from Node.
 * Imports of types count like imports of values.
 */
import { posix } from "node:path";
import { cruise } from "dependency-cruiser";
import type { ICruiseResult, IForbiddenRuleType } from "dependency-cruiser";
import { readPackages } from "./workspace.js";
import type { Package } from "./workspace.js";

/** Which packages each public package may import. A new package needs an entry here. */
const layers: Record<string, readonly string[]> = {
  banana: [],
  "jelly-types": ["banana"],
  broker: ["banana", "jelly-types"],
  cred: ["banana", "jelly-types", "broker"],
  transport: ["banana", "jelly-types", "broker"],
  "node-transport": ["banana", "jelly-types", "broker", "transport"],
  cli: ["banana", "jelly-types", "broker", "cred", "transport", "node-transport", "web-transport"],
  live: ["banana", "jelly-types", "broker"],
  cluster: ["banana", "jelly-types", "broker", "live", "transport"],
  telemetry: ["banana", "jelly-types", "broker"],
  "web-transport": ["banana", "jelly-types", "broker", "transport", "node-transport"],
};

/** The packages and folders that may import Node's modules. All others run on every platform. */
const nodePackages = ["node-transport", "cli"];
const nodeFiles = "(web-transport/src/(node/|node\\.ts$)|cluster/src/nats/|telemetry/src/(node|channels)\\.ts$)";

/** The import order inside packages/broker/src: a folder or file may import only those to its left. */
const brokerOrder = [
  "link/",
  "wire/",
  "calls/",
  "references/",
  "flavors/",
  "engine/",
  "pbx/",
  "broker.ts",
  "features/",
];

/** The methods of a reference have types in which references occur. */
const recursiveTypes = "^packages/broker/src/flavors/(remote-reference|call-types|arrival-types)\\.ts$";

/** Returns one line for each import that breaks a rule. */
export async function layering(root: string): Promise<string[]> {
  const packages = readPackages(root);
  const rules = rulesFor(packages);
  const { output } = await cruise(
    ["packages"],
    {
      baseDir: root,
      validate: true,
      ruleSet: { forbidden: rules },
      tsPreCompilationDeps: true,
      exclude: { path: ["/dist/", "/test/"] },
      doNotFollow: { path: "node_modules" },
    },
    { exportsFields: ["exports"], conditionNames: ["@pb/source", "import", "node", "default"] },
  );
  return [
    ...packages
      .filter(({ folder, manifest }) => manifest.private !== true && !(folder in layers))
      .map(({ folder }) => `packages/${folder}: the package has no layer: add it to tools/checks/layering.ts.`),
    ...(output as ICruiseResult).summary.violations.map(({ from, to, rule, cycle }) => {
      const path = cycle === undefined ? to : cycle.map(({ name }) => name).join(" -> ");
      return `${from} -> ${path}: ${rule.name}: ${rules.find(({ name }) => name === rule.name)!.comment!}`;
    }),
  ];
}

function rulesFor(packages: readonly Package[]): IForbiddenRuleType[] {
  const entries = packages.flatMap(entryFiles).map((file) => `^${file}$`);
  const layered = packages.filter(({ folder }) => folder in layers);
  const portable = layered.map(({ folder }) => folder).filter((folder) => !nodePackages.includes(folder));
  return [
    {
      name: "relative-import-of-another-package",
      comment: "import another package by its name.",
      from: { path: "^packages/([^/]+)/src/" },
      to: { path: "^packages/", pathNot: "^packages/$1/", dependencyTypes: ["local"] },
    },
    {
      name: "own-entry-point",
      comment: "import the file that defines the name, not an entry point of the same package.",
      from: { path: "^packages/([^/]+)/src/" },
      to: { path: entries.map((entry) => `^(?=packages/$1/)${entry.slice(1)}`) },
    },
    {
      name: "unresolvable",
      comment: 'no such module, or no entry point in "exports" of that package.',
      from: { path: "^packages/[^/]+/src/" },
      to: { couldNotResolve: true },
    },
    {
      name: "undeclared-dependency",
      comment: 'add the module to "dependencies" of the package.',
      from: { path: "^packages/[^/]+/src/" },
      to: { path: "node_modules/", dependencyTypesNot: ["npm", "npm-peer", "npm-optional"] },
    },
    {
      name: "node-module",
      comment: "this package runs on every platform; only a transport for Node may import Node's modules.",
      from: { path: `^packages/(${portable.join("|")})/src/`, pathNot: `^packages/${nodeFiles}` },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "node-part",
      comment: "browsers use this file: it must not import the part for Node.",
      from: { path: "^packages/(web-transport|cluster)/src/", pathNot: `^packages/${nodeFiles}` },
      to: { path: [`^packages/${nodeFiles}`, "^packages/node-transport/", "node_modules/(ws|@nats-io)/"] },
    },
    {
      name: "cycle",
      comment: "move what these files share into a file that imports none of them.",
      from: { path: "^packages/(?!examples/)[^/]+/src/" },
      to: { circular: true, via: { pathNot: recursiveTypes } },
    },
    {
      name: "value-of-recursive-type",
      comment: "these files may refer to each other with `import type` only.",
      from: { path: recursiveTypes, pathNot: "/remote-reference\\.ts$" },
      to: { path: recursiveTypes, dependencyTypesNot: ["type-only"] },
    },
    ...layered.map(({ folder }): IForbiddenRuleType => ({
      name: `layer-of-${folder}`,
      comment: `@pb/${folder} is below that package: declare an interface here and implement it there.`,
      from: { path: `^packages/${folder}/src/` },
      to: { path: "^packages/", pathNot: `^packages/(${[folder, ...layers[folder]!].join("|")})/` },
    })),
    ...packages.map(({ folder, manifest }): IForbiddenRuleType => ({
      name: `undeclared-package-in-${folder}`,
      comment: 'add the package to "dependencies".',
      from: { path: `^packages/${folder}/src/` },
      to: { path: "^packages/", pathNot: `^packages/(${[folder, ...declaredPackages(manifest)].join("|")})/` },
    })),
    ...brokerOrder.slice(0, -1).map((folder, index): IForbiddenRuleType => ({
      name: `broker-order-${folder}`,
      comment: `the import order inside packages/broker/src is ${brokerOrder.join(" <- ")}.`,
      from: { path: `^packages/broker/src/${folder}` },
      to: { path: `^packages/broker/src/(${brokerOrder.slice(index + 1).join("|")})` },
    })),
  ];
}

/** The source files of the package's entry points, relative to the root. */
function entryFiles({ folder, manifest }: Package): string[] {
  return Object.values(manifest.exports ?? {}).flatMap(({ "@pb/source": source }) =>
    source === undefined ? [] : [posix.join("packages", folder, source)],
  );
}

function declaredPackages({ dependencies, peerDependencies }: Package["manifest"]): string[] {
  const names = Object.keys({ ...dependencies, ...peerDependencies }).filter((name) => name.startsWith("@pb/"));
  return names.map((name) => name.slice("@pb/".length));
}
