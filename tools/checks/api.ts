/**
 * Compares the exported declarations of each entry point with the report in packages/NAME/api, so that a review shows
 * each change of the API. `npm run checks -- api --accept` writes the reports.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import type { ExtractorMessage } from "@microsoft/api-extractor";
import { publicPackages } from "./workspace.js";
import type { Package } from "./workspace.js";

export function api(root: string): string[] {
  const packages = publicPackages(root);
  const problems = packages.flatMap((pkg) => emitDeclarations(root, pkg));
  if (problems.length > 0) return problems;
  return packages.flatMap((pkg) =>
    Object.values(pkg.manifest.exports ?? {}).flatMap(({ types }) =>
      compare(join(root, "packages", pkg.folder), types!),
    ),
  );
}

/** The extractor reads the declarations in `dist` of a package and of those that it imports. */
function emitDeclarations(root: string, { folder }: Package): string[] {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const options = "--noEmit false --emitDeclarationOnly --rootDir src --outDir dist".split(" ");
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...options], {
    cwd: join(root, "packages", folder),
    encoding: "utf8",
  });
  return status === 0 ? [] : [stdout];
}

function compare(folder: string, types: string): string[] {
  const name = types.replace(/^\.\/dist\//, "").replace(/(\/index)?\.d\.ts$/, "");
  const isAccepted = process.argv.includes("--accept");
  const quiet = { logLevel: ExtractorLogLevel.None };
  const config = ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(folder, "package.json"),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, types),
      newlineKind: "lf",
      compiler: {
        overrideTsconfig: { compilerOptions: { target: "es2022", module: "nodenext", lib: ["esnext", "dom"] } },
      },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: join(folder, "api"),
        reportTempFolder: join(folder, "node_modules/.api"),
      },
      messages: {
        extractorMessageReporting: { default: quiet, "ae-forgotten-export": { ...quiet, addToApiReportFile: true } },
        tsdocMessageReporting: { default: quiet },
      },
    },
  });
  mkdirSync(join(folder, "api"), { recursive: true });
  const errors: string[] = [];
  const messageCallback = (message: ExtractorMessage): void => {
    if (message.logLevel === ExtractorLogLevel.Error) errors.push(message.text);
    message.handled = true;
  };
  const { apiReportChanged } = Extractor.invoke(config, { localBuild: isAccepted, messageCallback });
  if (apiReportChanged && !isAccepted)
    errors.push(
      `${folder}/api/${name}.api.md: the API has changed: review the new report with \`npm run checks -- api --accept\` and \`git diff\`.`,
    );
  return errors;
}
