// Writes the pages of the site to .pages, and the site to dist: npm run docs. With --pages, the pages only.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { writeLlmsTexts } from "./llms.js";
import { render } from "./markdown.js";
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
}
if (texts.size < all.length) throw new Error("Two pages have the same address");
mkdirSync(`${pages}public`);
writeLlmsTexts(`${pages}public/`, texts, publicAddress);
if (!process.argv.includes("--no-reference")) await writeReference(root, `${pages}reference`);
if (!process.argv.includes("--pages")) await build(site);
