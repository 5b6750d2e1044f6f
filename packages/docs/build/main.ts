// Writes the pages of the site to .pages, and the site to dist: npm run docs. With --pages, the pages only.

import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { writeLlmsTexts } from "./llms.js";
import { image, render } from "./markdown.js";
import { writeReference } from "./reference.js";
import { groups, home, pagesOf, publicAddress } from "./site-map.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const site = fileURLToPath(new URL("../", import.meta.url));
const pages = `${site}.pages/`;

rmSync(pages, { recursive: true, force: true });
const all = [...pagesOf("index", home), ...groups.flatMap((group) => group.pages.flatMap((page) => pagesOf(...page)))];
const place = { root, pages: all, repository: "https://github.com/perspective-broker/pb/blob/main" };
const texts = new Map(all.map((page) => [page.address, render(page, place)]));
for (const [address, text] of texts) {
  mkdirSync(dirname(pages + address), { recursive: true });
  writeFileSync(`${pages}${address}.md`, text);
  const targets = Array.from(text.matchAll(/!\[[^\]]*\]\(\/([^)\s]+)\)/g), ([, target]) => target!);
  for (const file of targets.filter((target) => image.test(target))) cpSync(root + file, `${pages}public/${file}`);
}
if (texts.size < all.length) throw new Error("Two pages have the same address");
mkdirSync(`${pages}public`, { recursive: true });
writeLlmsTexts(`${pages}public/`, texts, publicAddress);
if (!process.argv.includes("--no-reference")) await writeReference(root, `${pages}reference`);
if (!process.argv.includes("--pages")) {
  await build(site);
  requireOwnFiles(`${site}dist/`);
}

/** Throws an `Error` if a page loads something from another server. Links may lead there. */
function requireOwnFiles(folder: string): void {
  const foreign =
    /<(?!a\b)\w+\b[^>]*\s(?:src|srcset|href)="?(?:https?:)?\/\/[^>]*>|(?:url\(|@import )["']?(?:https?:)?\/\//;
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(?:html|css|svg)$/.test(name))
    .flatMap((name) => foreign.exec(readFileSync(folder + name, "utf8"))?.map((text) => `${name}: ${text}`) ?? []);
  if (found.length > 0) throw new Error(`Pages load files from other servers:\n${found.join("\n")}`);
}
