// Finds files by a pattern with `*`, `?`, `[…]`, and `**` for any number of folders, as Python's glob does.

import { readdir, stat } from "node:fs/promises";
import { join, parse, sep } from "node:path";

/** The sorted paths that match `pattern`, an absolute path. */
export async function findFiles(pattern: string): Promise<string[]> {
  const { root } = parse(pattern);
  let found = [root];
  for (const part of pattern.slice(root.length).split(sep)) {
    if (part === "") continue;
    found = (await Promise.all(found.map((folder) => matchPart(folder, part)))).flat();
  }
  return [...new Set(found)].sort();
}

/** The entries of a folder that match one part of a pattern. */
async function matchPart(folder: string, part: string): Promise<string[]> {
  if (part === "**") return [folder, ...(await foldersBelow(folder))];
  if (!/[*?[]/.test(part)) return (await exists(join(folder, part))) ? [join(folder, part)] : [];
  const regExp = new RegExp(`^${regExpSource(part)}$`, "su");
  const names = await entries(folder);
  return names
    .filter(({ name }) => regExp.test(name) && (part.startsWith(".") || !name.startsWith(".")))
    .map(({ name }) => join(folder, name));
}

async function foldersBelow(folder: string): Promise<string[]> {
  const folders = (await entries(folder)).filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const below = await Promise.all(folders.map(({ name }) => foldersBelow(join(folder, name))));
  return folders.flatMap(({ name }, index) => [join(folder, name), ...below[index]!]);
}

const entries = (folder: string) => readdir(folder, { withFileTypes: true }).catch(() => []);
const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

function regExpSource(part: string): string {
  return part.replace(/\[(!?)([^\]]+)\]|[*?]|[\\^$.|+(){}[\]/-]/gu, (found, not?: string, set?: string) => {
    if (found === "*") return ".*";
    if (found === "?") return ".";
    if (set === undefined) return `\\${found}`;
    return `[${not === "!" ? "^" : ""}${set.replace(/[\\^\][&|~(){}]/gu, "\\$&")}]`;
  });
}
