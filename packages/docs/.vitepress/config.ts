// The configuration of VitePress. `npm run docs` writes the pages first (build/main.ts).

import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";
import { slugify } from "../build/markdown.js";
import { entryPoints } from "../build/reference.js";
import { groups, title } from "../build/site-map.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export default defineConfig({
  title: "@pb",
  description: "Perspective Broker for TypeScript: programs call each other's objects",
  lang: "en-US",
  srcDir: ".pages",
  outDir: "dist",
  cacheDir: "node_modules/.cache/vitepress",
  base: process.env.PB_DOCS_BASE ?? "/",
  cleanUrls: true,
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
        items: pages.map(([address, file]) => ({ text: title(file), link: `/${address}` })),
      })),
      {
        text: "Reference",
        collapsed: true,
        items: [...entryPoints(root).keys()].map((name) => ({ text: name, link: `/reference/${name}` })),
      },
    ],
  },
});
