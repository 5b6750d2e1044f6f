// Writes the pages of the site to .pages, and the site to dist: npm run docs. With --pages, the pages only.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vitepress";
import { writeLlmsTexts } from "./llms.js";
import { page } from "./markdown.js";
import { writeReference } from "./reference.js";
import { addresses, publicAddress } from "./site-map.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const site = fileURLToPath(new URL("../", import.meta.url));
const pages = `${site}.pages/`;

rmSync(pages, { recursive: true, force: true });
const place = { root, addresses, repository: "https://github.com/perspective-broker/pb/blob/main" };
const texts = new Map<string, string>();
for (const [file, address] of addresses) {
  const text = page(readFileSync(root + file, "utf8"), file, place);
  texts.set(address, text);
  mkdirSync(dirname(pages + address), { recursive: true });
  writeFileSync(`${pages}${address}.md`, text);
}
mkdirSync(`${pages}public`);
writeLlmsTexts(`${pages}public/`, texts, publicAddress);
await writeReference(root, `${pages}reference`);
if (!process.argv.includes("--pages")) await build(site);
