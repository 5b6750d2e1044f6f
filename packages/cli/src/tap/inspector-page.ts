// The page of `pb tap --inspect`: a list of messages that can be filtered, and the tree of the selected one.

export const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>pb tap</title>
<link rel="stylesheet" href="inspector.css">
<header>
  <h1>pb tap</h1>
  <label>Filter <input id="filter" type="search" placeholder="name, text, ->, #2, error" autocomplete="off"></label>
  <label><input id="follow" type="checkbox" checked> Follow</label>
  <span id="state" role="status">connecting</span>
</header>
<main>
  <ol id="rows" role="listbox" aria-label="Messages" tabindex="0"></ol>
  <pre id="tree" tabindex="0" aria-label="Selected message"></pre>
</main>
<script src="inspector.js"></script>
</html>
`;

export const style = `
* { box-sizing: border-box }
html, body { height: 100% }
body { margin: 0; display: flex; flex-direction: column; font: 14px system-ui, sans-serif; color-scheme: light dark }
header { display: flex; flex-wrap: wrap; gap: 1em; align-items: center; padding: .5em 1em; border-bottom: 1px solid gray }
h1 { font-size: 1em; margin: 0 }
main { flex: 1; min-height: 0; display: flex }
ol { flex: 3; margin: 0; padding: 0; overflow: auto; list-style: none; font: 12px ui-monospace, monospace }
li { padding: 2px 1em; white-space: nowrap; overflow: hidden; text-overflow: ellipsis }
li[hidden] { display: none }
li[aria-selected=true] { background: Highlight; color: HighlightText }
.server { padding-left: 3em }
.error, .unknown, .opaque { border-left: 4px solid crimson }
.open, .close, .fin { font-style: italic }
pre { flex: 2; margin: 0; padding: .5em 1em; overflow: auto; border-left: 1px solid gray; font: 12px ui-monospace, monospace }
@media (max-width: 60em) { main { flex-direction: column } pre { border-left: 0; border-top: 1px solid gray } }
`;

/** Texts of the peers are only ever set as text. */
export const script = `"use strict";
const MOST_ROWS = 5000;
const element = (id) => document.getElementById(id);
const list = element("rows"), tree = element("tree"), filter = element("filter"), follow = element("follow");
const messages = new WeakMap();
let selected, number = 0;

function lineOf(row) {
  const arrow = row.from === undefined ? "" : row.from === "client" ? "-> " : "<- ";
  const size = row.size === undefined ? "" : " [" + row.size + " B" + (row.latencyMs === undefined ? "" : ", " + row.latencyMs + " ms") + "]";
  return (row.t / 1000).toFixed(3) + " #" + row.connection + " " + arrow + row.text + size;
}
function matches(item) {
  const words = filter.value.toLowerCase().split(/\\s+/).filter(Boolean);
  const text = item.textContent.toLowerCase();
  return words.every((word) => text.includes(word));
}
function add(row) {
  const item = document.createElement("li");
  item.id = "row-" + row.n;
  item.setAttribute("role", "option");
  item.className = row.kind + " " + (row.from ?? "");
  item.textContent = lineOf(row);
  item.hidden = !matches(item);
  messages.set(item, row);
  list.append(item);
  while (list.childElementCount > MOST_ROWS) {
    if (list.firstElementChild === selected) select(undefined);
    list.firstElementChild.remove();
  }
  if (follow.checked) list.scrollTop = list.scrollHeight;
}
function select(item) {
  selected?.setAttribute("aria-selected", "false");
  selected = item;
  tree.textContent = "";
  if (item === undefined) { list.removeAttribute("aria-activedescendant"); return; }
  item.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", item.id);
  item.scrollIntoView({ block: "nearest" });
  const row = messages.get(item);
  tree.textContent = [lineOf(row), "", ...(row.tree ?? [])].join("\\n");
}
function step(direction) {
  const next = direction > 0 ? "nextElementSibling" : "previousElementSibling";
  let item = selected === undefined ? (direction > 0 ? list.firstElementChild : list.lastElementChild) : selected[next];
  while (item && item.hidden) item = item[next];
  if (item) { follow.checked = false; select(item); }
}
list.addEventListener("click", (event) => {
  const item = event.target.closest("li");
  if (item) { follow.checked = false; select(item); }
});
list.addEventListener("keydown", (event) => {
  const direction = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (direction === undefined) return;
  event.preventDefault();
  step(direction);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== filter) { event.preventDefault(); filter.focus(); }
  if (event.key === "Escape") list.focus();
});
filter.addEventListener("input", () => {
  for (const item of list.children) item.hidden = !matches(item);
});
const state = element("state");
const events = new EventSource("events");
events.onopen = () => { state.textContent = "live"; };
events.onerror = () => { state.textContent = "pb tap has ended, or cannot be reached"; };
events.onmessage = (event) => {
  const row = JSON.parse(event.data);
  if (row.n <= number) return;
  number = row.n;
  add(row);
};
list.focus();
`;
