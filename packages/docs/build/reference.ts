// Writes the reference: one page for each name that a package exports, from the doc comments.

import { join, relative } from "node:path";
import { Application, Converter, DeclarationReflection, ReflectionKind } from "typedoc";
import type { Reflection } from "typedoc";
import { publicPackages } from "../../../tools/checks/workspace.js";

const plugin = {
  router: "module",
  entryFileName: "index",
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  parametersFormat: "table",
  sanitizeComments: true,
};

/** The source files of the entry points that programs import, by name: `@pb/broker/extension`. */
export function entryPoints(root: string): Map<string, string> {
  return new Map(
    publicPackages(root).flatMap(({ folder, manifest }) =>
      Object.entries(manifest.exports ?? {})
        .filter(([, conditions]) => conditions["@pb/source"] !== undefined)
        .map(([name, conditions]) => [
          manifest.name + name.slice(1),
          join(root, "packages", folder, conditions["@pb/source"]!),
        ]),
    ),
  );
}

function membersOf(reflection: Reflection): DeclarationReflection[] {
  return reflection instanceof DeclarationReflection ? [...(reflection.children ?? [])] : [];
}

/** Writes the pages to `folder`. Throws an `Error` if they cannot be made. */
export async function writeReference(root: string, folder: string): Promise<void> {
  const sources = entryPoints(root);
  // TypeDoc names a module after its file, relative to `packages`.
  const names = new Map(
    Array.from(sources, ([name, file]) => [
      relative(join(root, "packages"), file).replace(/(?:\/index)?\.ts$/, ""),
      name,
    ]),
  );
  const app = await Application.bootstrapWithPlugins({
    name: "Reference",
    entryPoints: [...sources.values()],
    tsconfig: join(root, "packages/docs/tsconfig.reference.json"),
    plugin: ["typedoc-plugin-markdown"],
    readme: "none",
    excludeInternal: true,
    excludePrivate: true,
    excludeExternals: true,
    disableSources: true,
    skipErrorChecking: true, // `npm run types` does it
    suppressCommentWarningsInDeclarationFiles: true,
    validation: { notExported: false, invalidLink: true },
    logLevel: "Error",
  });
  for (const [name, value] of Object.entries(plugin)) app.options.setValue(name as "name", value as string);
  app.options.setValue("outputs", [{ name: "markdown", path: folder }]);
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) module.name = names.get(module.name) ?? module.name;
  });
  // Members of a base class are described there, once.
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    const types = [ReflectionKind.Class, ReflectionKind.Interface].flatMap((kind) =>
      project.getReflectionsByKind(kind),
    );
    for (const member of types.flatMap(membersOf))
      if (member.inheritedFrom !== undefined) project.removeReflection(member);
  });
  const project = await app.convert();
  if (project === undefined) throw new Error("The reference could not be made from the sources.");
  await app.generateOutputs(project);
  if (app.logger.hasErrors()) throw new Error("The reference could not be written.");
}
