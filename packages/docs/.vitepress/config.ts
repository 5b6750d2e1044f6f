// The configuration of VitePress. `npm run docs` writes the pages first (build/main.ts).

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";
import type { DefaultTheme } from "vitepress";
import { entryPoints } from "../build/reference.js";
import { groups, pagesOf } from "../build/site-map.js";
import { slugify } from "../build/slugify.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A file in the sidebar, with its parts below it if it is long. */
function sidebarItem(page: readonly [address: string, file: string]): DefaultTheme.SidebarItem {
  const [first, ...parts] = pagesOf(...page).map(({ title, address }) => ({ text: title, link: `/${address}` }));
  return parts.length === 0 ? first! : { ...first!, collapsed: true, items: parts };
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="6" fill="#3451b2"/>
<text x="16" y="22" font-family="sans-serif" font-size="16" font-weight="bold" fill="#fff" text-anchor="middle">pb</text></svg>`;

export default defineConfig({
  title: "@pb",
  description: "Perspective Broker for TypeScript: programs call each other's objects",
  lang: "en-US",
  srcDir: ".pages",
  outDir: "dist",
  cacheDir: "node_modules/.cache/vitepress",
  base: process.env.PB_DOCS_BASE ?? "/",
  cleanUrls: true,
  head: [["link", { rel: "icon", href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  markdown: { anchor: { slugify } },
  vite: { publicDir: "public", build: { chunkSizeWarningLimit: 5000 } },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    nav: [
      { text: "Start", link: "/start/what-is-pb" },
      { text: "Examples", link: "/examples/chat" },
      { text: "Cheat sheet", link: "/start/cheat-sheet" },
      { text: "Reference", link: "/reference/" },
    ],
    sidebar: [
      ...groups.map(({ title: text, pages }, index) => ({
        text,
        collapsed: index > 2,
        items: pages.map(sidebarItem),
      })),
      {
        text: "Reference",
        collapsed: true,
        items: [...entryPoints(root).keys()].map((name) => ({ text: name, link: `/reference/${name}` })),
      },
    ],
  },
});
