// Makes a page of the site from a Markdown file: links between files become links between pages.

import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { anchors } from "./parts.js";
import type { Page } from "./site-map.js";

export interface Place {
  /** The folder of the repository on this machine. */
  readonly root: string;
  readonly pages: readonly Page[];
  /** Where the files that are not pages can be read. */
  readonly repository: string;
}

/** What is left as it is: fenced and indented code, code in a line, diagrams. */
const code = /^( *)(```|~~~)[^]*?^\1\2\s*$|^<svg[^]*?<\/svg>|^(?: {4}.*\n)+|``.+?``|`[^`]+`/gm;
/** Files that the site serves at their path in the repository, since it must not load them from there. */
export const image = /\.(?:svg|png)$/;
const link = /(\]\()([^)\s]+)(\))/g;

/**
 * Returns the text of a page. Throws an `Error` that lists the links to files that do not exist. A link to a file that
 * is no page becomes a link to the repository.
 */
export function render(page: Page, place: Place): string {
  const missing: string[] = [];
  const result = outsideCode(withFiles(page.text, place.root), (part) =>
    escapeForVue(part).replace(link, (_all, open: string, target: string, close: string) => {
      const found = resolve(target, page, place);
      if (found === undefined) missing.push(target);
      return open + (found ?? target) + close;
    }),
  );
  if (missing.length > 0) throw new Error(`${page.file} links to what does not exist: ${missing.join(", ")}`);
  return result;
}

/** Replaces each line `<<< path` by the file, as code. */
function withFiles(text: string, root: string): string {
  return text.replace(/^<<< (\S+)$/gm, (_all, path: string) => {
    const ending = path.slice(path.lastIndexOf(".") + 1);
    const language = { txt: "text", mjs: "js" }[ending] ?? ending;
    return `\`\`\`${language}\n${readFileSync(root + path, "utf8")}\`\`\``;
  });
}

/** Applies a function to the parts of a text that are not code. */
function outsideCode(text: string, change: (part: string) => string): string {
  // A link may contain code, so code is replaced by marks first, and put back last.
  const blocks: string[] = [];
  const marked = text.replace(code, (block) => `\u0000${blocks.push(block) - 1}\u0000`);
  // eslint-disable-next-line no-control-regex -- the mark must not occur in a text
  return change(marked).replace(/\u0000(\d+)\u0000/g, (_all, index: string) => blocks[Number(index)]!);
}

/** VitePress compiles a page as a template of Vue, in which tags and double braces have a meaning. */
function escapeForVue(text: string): string {
  return text.replace(/<(?!!--|\/?(?:div|p|br|Badge)\b)/g, "&lt;").replaceAll("{{", "&#123;&#123;");
}

/** Returns the address for a link in a page. Returns undefined if the file or the heading does not exist. */
function resolve(target: string, { file }: Page, { root, pages, repository }: Place): string | undefined {
  if (/^(?:[a-z]+:|\/)/.test(target)) return target;
  const [path = "", anchor] = target.split("#");
  const linked = path === "" ? file : posix.join(posix.dirname(file), path).replace(/\/$/, "");
  const found = pages.filter((page) => page.file === linked || page.file === `${linked}/README.md`);
  if (found.length === 0) {
    if (!existsSync(root + linked)) return undefined;
    return image.test(linked) ? `/${linked}` : `${repository}/${linked}`;
  }
  if (anchor === undefined) return `/${found[0]!.address}`;
  const page = found.find(({ text }) => anchors(text).includes(anchor));
  return page && `/${page.address}#${anchor}`;
}
