// Runs in Chromium: the same board in React, Vue, Solid, Svelte's stores and signals. Counts what is rendered.

import { effect } from "@preact/signals-core";
import { live, liveView } from "@pb/live";
import { useLive as useLiveInReact, useLiveStatus } from "@pb/live/react";
import { useLive as useLiveInVue, useLiveStatus as useLiveStatusInVue } from "@pb/live/vue";
import { TypeRegistry } from "@pb/jelly-types";
import { reconnecting } from "@pb/web-transport";
import { createElement } from "react";
import type { ReactElement } from "react";
import { createRoot } from "react-dom/client";
import { createEffect, createRoot as createSolidRoot } from "solid-js";
import { createApp, defineComponent, h } from "vue";
import { liveSignal } from "./signals.js";
import { useLive as useLiveInSolid } from "./solid.js";
import { liveStore } from "./svelte.js";
import type { Board, TestRoot } from "./site.js";

declare const location: { readonly host: string };
declare const document: { getElementById(id: string): { textContent: string } & Element };

const client = reconnecting<TestRoot>(`ws://${location.host}/pb`, {
  broker: { types: new TypeRegistry().register(liveView("test.Board")) },
  backoff: { firstMs: 20, highestMs: 50 },
});
const board = live(client, (root) => root.callRemote("board"));
const names = ["a", "b", "c"] as const;
type Name = (typeof names)[number];

/** How often each part of each user interface was rendered since the test last asked. */
let renders: Record<string, number> = {};

function count(part: string): void {
  renders[part] = (renders[part] ?? 0) + 1;
}

function ReactCard({ name }: { readonly name: Name }): ReactElement {
  const title = useLiveInReact(board, (state) => state.cards[name].title);
  count(`react ${name}`);
  return createElement("p", null, title);
}

function ReactDone(): ReactElement {
  const done = useLiveInReact(
    board,
    ({ cards }) => names.filter((name) => cards[name].isDone),
    (one, other) => one.join() === other.join(),
  );
  count("react done");
  return createElement("p", null, `done: ${done?.join() ?? ""}`);
}

function ReactStatus(): ReactElement {
  return createElement("p", null, useLiveStatus(board));
}

function ReactBoard(): ReactElement {
  count("react board");
  const cards = names.map((name) => createElement(ReactCard, { name, key: name }));
  return createElement("div", null, ...cards, createElement(ReactDone), createElement(ReactStatus));
}

const VueCard = defineComponent({
  props: { name: { type: String, required: true } },
  setup({ name }) {
    const title = useLiveInVue(board, (state) => state.cards[name as Name].title);
    return () => {
      count(`vue ${name}`);
      return h("p", title.value);
    };
  },
});

const VueBoard = defineComponent({
  setup() {
    const status = useLiveStatusInVue(board);
    const Status = defineComponent(() => () => h("p", status.value));
    return () => {
      count("vue board");
      return h("div", [...names.map((name) => h(VueCard, { name })), h(Status)]);
    };
  },
});

/** Shows a card, without a framework around it. */
function show(framework: string, name: Name, title: string | undefined): void {
  count(`${framework} ${name}`);
  document.getElementById(`${framework}-${name}`).textContent = title ?? "";
}

createRoot(document.getElementById("react")).render(createElement(ReactBoard));
createApp(VueBoard).mount(document.getElementById("vue"));
createSolidRoot(() => {
  for (const name of names) {
    const title = useLiveInSolid(board.select(({ cards }: Board) => cards[name].title));
    createEffect(() => show("solid", name, title()));
  }
});
for (const name of names) {
  const part = board.select(({ cards }: Board) => cards[name].title);
  const title = liveSignal(part);
  effect(() => show("signals", name, title.value));
  liveStore(part).subscribe((text) => show("svelte", name, text));
}

Object.assign(globalThis, {
  /** What was rendered since the last call. */
  takeRenders(): Record<string, number> {
    const taken = renders;
    renders = {};
    return taken;
  },
});
