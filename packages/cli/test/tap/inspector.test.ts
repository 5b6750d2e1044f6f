// The page of `pb tap --inspect`: who may open it, and what it contains.

import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Observation } from "../../src/observe/observer.js";
import { Inspector } from "../../src/tap/inspector.js";

let inspector: Inspector;
beforeEach(async () => (inspector = await Inspector.start()));
afterEach(() => inspector.close());

interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request with any header Host, which `fetch` does not allow. `isOver` ends the answer early. */
function get(
  url: string,
  options: { host?: string; method?: string; headers?: Record<string, string> } = {},
  isOver?: (text: string) => boolean,
): Promise<Got> {
  const { host, method, headers } = options;
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method, headers: { ...headers, ...(host === undefined ? {} : { host }) } },
      (response) => {
        let text = "";
        const done = (): void => {
          resolve({ status: response.statusCode!, headers: response.headers, text });
          response.destroy();
        };
        response
          .setEncoding("utf8")
          .on("end", done)
          .on("data", (chunk: string) => {
            text += chunk;
            if (isOver?.(text) === true) done();
          });
      },
    );
    sent.on("error", reject).end();
  });
}

test("the page loads nothing from elsewhere, and is not kept", async () => {
  const { status, headers, text } = await get(inspector.url);
  expect(status).toBe(200);
  expect(headers["content-security-policy"]).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
  expect(headers).toMatchObject({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
  expect(text).not.toMatch(/https?:|<script>|style=|onclick/);
  for (const file of ["inspector.js", "inspector.css"]) expect((await get(inspector.url + file)).status).toBe(200);
});

test("only this machine, with the token and under the name of this machine, gets anything", async () => {
  const { url } = inspector;
  const { port, origin } = new URL(url);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}\/$/);
  for (const host of ["evil.example", `evil.example:${port}`, "127.0.0.1"]) {
    expect((await get(url, { host })).status, host).toBeGreaterThanOrEqual(400);
    expect((await get(`${url}events`, { host })).status, host).toBeGreaterThanOrEqual(400);
  }
  expect((await get(url, { host: `localhost:${port}` })).status).toBe(200);
  for (const path of [
    "/",
    "/events",
    `/${"x".repeat(32)}/`,
    "/inspector.js",
    `/${new URL(url).pathname.slice(1, 20)}/`,
  ])
    expect((await get(origin + path)).status, path).toBe(403);
  expect((await get(`${url}nosuch`)).status).toBe(404);
  expect((await get(`${url}events/x`)).status).toBe(404);
  expect((await get(url, { method: "POST" })).status).toBe(405);
});

test("a page that opens later gets the last rows, and one that comes back those that it misses", async () => {
  const observation = new Observation(1, [inspector]);
  for (let index = 1; index <= 1_200; index++) observation.opened(`address ${index}\u001b`, index);
  const rows = (text: string): number[] => [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));
  const all = await get(`${inspector.url}events`, {}, (text) => text.includes("id: 1200\n") && text.endsWith("\n\n"));
  expect(rows(all.text)).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 201));
  expect(all.text).not.toContain("\u001b");
  const missed = await get(`${inspector.url}events`, { headers: { "last-event-id": "1198" } }, (text) =>
    text.includes("id: 1200\n"),
  );
  expect(rows(missed.text)).toEqual([1_199, 1_200]);
});

test("at most eight pages are connected", async () => {
  const pages: AbortController[] = [];
  for (let index = 0; index < 8; index++) {
    const page = new AbortController();
    pages.push(page);
    expect((await fetch(`${inspector.url}events`, { signal: page.signal })).status).toBe(200);
  }
  expect((await get(`${inspector.url}events`)).status).toBe(503);
  for (const page of pages) page.abort();
});
