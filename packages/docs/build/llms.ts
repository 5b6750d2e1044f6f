// Writes llms.txt, which lists the pages of the site for language models, and llms-full.txt, which contains them.

import { writeFileSync } from "node:fs";
import { groups, pagesOf } from "./site-map.js";

const introduction = `# @pb

> Perspective Broker, the remote call protocol of Twisted, for TypeScript. Programs call methods of each other's objects
> over one connection, and a stock Twisted program in Python can be at the other end.

- In a page: @pb/web-transport. In Node: @pb/node-transport. Objects and calls: @pb/broker. State that follows: @pb/live.
- Traces and metrics: @pb/telemetry.
- A peer can call only methods whose names begin with remote_ (in an Avatar: perspective_).
- Call with reference.callRemote("name", …) or reference.call.name(…). Both return a promise.
- Plain values are copied. An object of a class that extends Referenceable arrives as a RemoteReference.
`;

/** Writes both files to `folder`. `texts` has the text of each page by its address, relative to `site`. */
export function writeLlmsTexts(folder: string, texts: ReadonlyMap<string, string>, site: string): void {
  const lists = groups.map((group) => {
    const pages = group.pages.flatMap((page) => pagesOf(...page));
    const items = pages.map(({ address, title }) => `- [${title}](${site}${address})`);
    return `## ${group.title}\n\n${items.join("\n")}\n`;
  });
  writeFileSync(`${folder}llms.txt`, [introduction, ...lists].join("\n"));
  const pages = Array.from(texts, ([address, text]) => `<!-- ${site}${address} -->\n\n${text}`);
  writeFileSync(`${folder}llms-full.txt`, [introduction, ...pages].join("\n"));
}
