// @pb/live in user interfaces: each renders only what has changed, also when the server was started again.

import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { LiveSite } from "./site.js";

const frameworks = ["react", "vue", "solid", "signals", "svelte"];

/** A test of a browser that is running. */
export function testLiveState(browser: () => Browser): void {
  describe("live state in React, Vue, Solid, Svelte's stores and signals", () => {
    let site: LiveSite;
    beforeAll(async () => {
      site = await LiveSite.open();
    });
    afterAll(() => site[Symbol.asyncDispose]());

    /** Resolves when all user interfaces show the title, and returns what was rendered since the last call. */
    async function rendered(page: Page, title: string): Promise<unknown> {
      const shown = `[...document.querySelectorAll("p")].filter((p) => p.textContent === "${title}").length`;
      await page.waitForFunction(`${shown} === ${frameworks.length}`);
      return page.evaluate("takeRenders()");
    }

    const all = (name: string): object => Object.fromEntries(frameworks.map((each) => [`${each} ${name}`, 1]));

    async function killAndStart(page: Page): Promise<void> {
      await site.kill();
      for (const id of ["react", "vue"]) await page.locator(`#${id}`).getByText("stale", { exact: true }).waitFor();
      await site.start();
      for (const id of ["react", "vue"]) await page.locator(`#${id}`).getByText("live", { exact: true }).waitFor();
    }

    test("only what has changed is rendered, also across reconnects", async () => {
      const context = await browser().newContext();
      onTestFinished(() => context.close());
      context.setDefaultTimeout(120_000);
      const page = await context.newPage();
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      await page.goto(site.url);
      await rendered(page, "one");

      site.board.update(({ cards }) => void (cards.a.title = "first"));
      expect(await rendered(page, "first")).toEqual(all("a"));

      site.board.update(({ cards }) => void (cards.b.isDone = true));
      await page.getByText("done: b").waitFor();
      site.board.update(({ cards }) => void (cards.c.title = "last"));
      expect(await rendered(page, "last")).toEqual({ ...all("c"), "react done": 1 });

      // The new server has other titles of a and c, and another list of what is done.
      await killAndStart(page);
      await page.getByText("done:", { exact: true }).waitFor();
      const changed = { ...all("a"), ...all("c"), "react done": 1 };
      expect(await rendered(page, "three")).toEqual(changed);

      // Nothing has changed meanwhile.
      await killAndStart(page);
      site.board.update(({ cards }) => void (cards.b.title = "second"));
      expect(await rendered(page, "second")).toEqual(all("b"));
      expect(errors).toEqual([]);
    });
  });
}
