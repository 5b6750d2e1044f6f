// The hooks of React and Vue without a page: rendering on servers, and sources that change. tools/browser has the rest.

import { readFileSync } from "node:fs";
import { createElement } from "react";
import type { ReactElement } from "react";
import { renderToString } from "react-dom/server";
import { createSSRApp, effectScope, h, shallowRef } from "vue";
import { renderToString as renderVueToString } from "vue/server-renderer";
import { expect, test } from "vitest";
import { useLive, useLiveStatus, withServerSnapshot } from "../src/react.js";
import { useLive as useLiveInVue, useLiveStatus as useLiveStatusInVue } from "../src/vue.js";
import type { LiveSource, LiveStatus } from "../src/index.js";

interface Board {
  readonly title: string;
  readonly tags: readonly string[];
}

/** A source that the test sets. */
class Source implements LiveSource<Board> {
  status: LiveStatus = "waiting";
  readonly listeners = new Set<() => void>();
  #snapshot: Board | undefined;

  constructor(snapshot?: Board) {
    if (snapshot !== undefined) this.set(snapshot);
  }

  set(snapshot: Board): void {
    this.#snapshot = snapshot;
    this.status = "live";
    for (const listener of this.listeners) listener();
  }

  getSnapshot(): Board | undefined {
    return this.#snapshot;
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }
}

const board: Board = { title: "one", tags: ["a", "b"] };

function renderTitle(source: LiveSource<Board>): string {
  const Title = (): ReactElement => createElement("p", null, useLive(source, ({ title }) => title) ?? "nothing");
  return renderToString(createElement(Title));
}

test("React renders the snapshot on a server, or the one that the server has sent", () => {
  expect(renderTitle(new Source())).toBe("<p>nothing</p>");
  expect(renderTitle(new Source(board))).toBe("<p>one</p>");
  const hydrated = withServerSnapshot(new Source(), board);
  expect(renderTitle(hydrated)).toBe("<p>one</p>");
  expect([hydrated.getSnapshot(), hydrated.status]).toEqual([undefined, "waiting"]);
});

test("React renders the status `waiting` on a server, as a page does before it is connected", () => {
  const source = new Source(board);
  const Status = (): ReactElement => createElement("p", null, useLiveStatus(source));
  expect(renderToString(createElement(Status))).toBe("<p>waiting</p>");
});

test("Vue follows a part until the scope ends", () => {
  const source = new Source();
  const scope = effectScope();
  const [title, tags, status] = scope.run(() => [
    useLiveInVue(source, (state) => state.title),
    useLiveInVue(
      source,
      (state) => state.tags.map((tag) => tag.toUpperCase()),
      (one, other) => one.join() === other.join(),
    ),
    useLiveStatusInVue(source),
  ])! as [{ value?: string }, { value?: string[] }, { value: LiveStatus }];
  expect([title.value, tags.value, status.value]).toEqual([undefined, undefined, "waiting"]);
  source.set(board);
  const { value: shown } = tags;
  expect([title.value, shown, status.value]).toEqual(["one", ["A", "B"], "live"]);
  source.set({ ...board, title: "two" });
  expect(title.value).toBe("two");
  expect(tags.value).toBe(shown);
  scope.stop();
  expect(source.listeners.size).toBe(0);
  source.set({ ...board, title: "three" });
  expect(title.value).toBe("two");
});

test("Vue follows the source that a getter returns", () => {
  const [first, second] = [new Source(board), new Source({ ...board, title: "other" })];
  const current = shallowRef(first);
  const scope = effectScope();
  const title = scope.run(() => useLiveInVue(current, (state) => state.title))!;
  current.value = second;
  expect(title.value).toBe("other");
  expect([first.listeners.size, second.listeners.size]).toEqual([0, 1]);
  scope.stop();
});

test("Vue renders on a server and leaves no subscription", async () => {
  const source = new Source(board);
  const app = createSSRApp({
    setup() {
      const title = useLiveInVue(source, (state) => state.title);
      return () => h("p", title.value);
    },
  });
  expect(await renderVueToString(app)).toBe("<p>one</p>");
  expect(source.listeners.size).toBe(0);
});

test("the page shows the programs for other frameworks that run in Chromium", () => {
  const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  const blocks = [...read("FRAMEWORKS.md").matchAll(/```ts\n([^]*?)```/g)].map(([, code]) => code);
  const names = ["signals", "solid", "svelte"];
  expect(blocks).toEqual(names.map((name) => read(`../../tools/browser/live/${name}.ts`)));
});
